import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeCache } from './promises/cache.js';

for (const strategy of await openable(entries)) describeCache(strategy);
