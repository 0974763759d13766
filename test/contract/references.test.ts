import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeReferences } from './references.js';

const strategies = (await openable(entries)).filter(({ deliveries }) => deliveries.includes('reference'));
for (const strategy of strategies) describeReferences(strategy);
