import assert from 'node:assert/strict';
import { it } from 'node:test';
import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeReferences } from './promises/references.js';

const strategies = await openable(entries);
for (const strategy of strategies) describeReferences(strategy);

it('every strategy takes documents by reference, and none by default', () => {
  for (const { name, deliveries } of strategies)
    assert.equal(deliveries.indexOf('reference') > 0, true, name);
});
