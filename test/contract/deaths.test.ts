import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeDeaths } from './conformance.js';

for (const strategy of await openable(entries)) describeDeaths(strategy);
