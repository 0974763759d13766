import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeCancelling } from './promises/cancelling.js';

for (const strategy of await openable(entries)) describeCancelling(strategy);
