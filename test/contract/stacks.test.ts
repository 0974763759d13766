import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeStacks } from './promises/stacks.js';

for (const strategy of await openable(entries)) describeStacks(strategy);
