import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describePerWorker } from './promises/per-worker.js';

for (const strategy of await openable(entries)) describePerWorker(strategy);
