import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeStages } from './promises/stages.js';

for (const strategy of await openable(entries)) describeStages(strategy);
