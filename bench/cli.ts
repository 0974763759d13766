#!/usr/bin/env node
import './cli/command-line.js';
