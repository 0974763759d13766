import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { balance } from '../../strategies/shared-memory/partition.js';

describe('balance', () => {
  it('keeps every item once, in order, and no list more expensive than the rule allows', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 500 })), fc.integer({ min: 1, max: 9 }), (costs, parts) => {
        const items = costs.map((cost, position) => ({ cost, position }));
        const lists = balance(items, new Array<number>(parts).fill(0), ({ cost }) => cost);
        assert.equal(lists.length, parts);
        assert.deepEqual(
          lists.flat().sort((a, b) => a.position - b.position),
          items,
        );
        for (const list of lists)
          assert.deepEqual(
            list,
            [...list].sort((a, b) => a.position - b.position),
          );
        const sums = lists.map((list) => list.reduce((sum, { cost }) => sum + cost, 0));
        const total = costs.reduce((a, b) => a + b, 0);
        const dearest = Math.max(0, ...costs);
        assert.ok(Math.max(...sums) <= total / parts + dearest);
        if (items.length >= parts)
          assert.ok(
            lists.every((list) => list.length > 0) ||
              costs.includes(0) ||
              Math.max(...sums) <= dearest + total / parts,
          );
      }),
    );
  });

  it('continues from what is in the lists already', () => {
    assert.deepEqual(
      balance([3, 3], [10, 0], (cost) => cost).map((list) => list.length),
      [0, 2],
    );
  });
});
