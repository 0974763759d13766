import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeServices } from './promises/services.js';

for (const strategy of await openable(entries)) describeServices(strategy);
