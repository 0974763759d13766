import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeStages } from './stages.js';

for (const strategy of await openable(entries)) describeStages(strategy);
