import { strategies as entries } from '../../strategies/index.js';
import { isolates } from '../../strategies/strategy.js';
import { openable } from '../support.js';
import { describeDeaths } from './promises/deaths.js';

for (const strategy of await openable(entries))
  if (isolates(strategy.isolation, 'process')) describeDeaths(strategy);
