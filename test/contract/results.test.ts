import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeResults } from './promises/results.js';

for (const strategy of await openable(entries)) describeResults(strategy);
