import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ClaimTable } from '../../strategies/shared-memory/claim-table.js';

describe('the claim table', () => {
  it('gives each document to one worker, in any order of publishing, claiming, and withdrawing', () => {
    const table = new ClaimTable({ workers: 2, queues: 1, slots: 4 });
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 6 }), { maxLength: 200 }), (moves) => {
        const claimed = new Map<number, number>();
        const assigned = new Set<number>();
        for (const move of moves) {
          const free = [0, 1, 2, 3].find((slot) => table.isFree(slot));
          if (move === 0 && free !== undefined && table.hasTicket(0)) table.publish(0, free);
          else if (move === 1 || move === 2) {
            const slot = table.claim(0, move - 1);
            if (slot < 0) continue;
            assert.ok(!claimed.has(slot), 'no other worker has it');
            assert.ok(table.isOwner(slot, move - 1));
            claimed.set(slot, move - 1);
          } else if (move === 4) {
            const slot = [0, 1, 2, 3].find((slot) => !table.isFree(slot));
            if (slot === undefined) continue;
            assert.equal(table.withdraw(slot), !claimed.has(slot), 'no worker has it');
            assert.equal(table.isFree(slot), !claimed.has(slot));
            assigned.delete(slot);
          } else if (move === 5) {
            // The worker has died, and the next one in its place gets the document.
            const [[slot, worker] = []] = claimed;
            if (slot === undefined || worker === undefined) continue;
            claimed.delete(slot);
            table.assign(slot, worker);
            assert.ok(table.isOwner(slot, worker));
            assigned.add(slot);
          } else if (move === 6) {
            const [slot] = assigned;
            if (slot === undefined) continue;
            const worker = table.isOwner(slot, 0) ? 0 : 1;
            assert.equal(table.claimAssigned(slot, 1 - worker), false, 'it is another worker’s');
            assert.equal(table.claimAssigned(slot, worker), true);
            assigned.delete(slot);
            claimed.set(slot, worker);
          } else {
            const [slot] = claimed.keys();
            if (slot === undefined) continue;
            claimed.delete(slot);
            table.release(slot);
          }
        }
        for (const slot of [...claimed.keys(), ...assigned]) table.release(slot);
        for (let slot = table.claim(0, 0); slot >= 0; slot = table.claim(0, 0)) table.release(slot);
      }),
    );
  });
});

describe('withdrawn documents', () => {
  it('need no worker to make room for others', () => {
    const table = new ClaimTable({ workers: 1, queues: 1, slots: 4 });
    for (let i = 0; i < 100; i++) {
      assert.ok(table.hasTicket(0), `there is room for document ${i}`);
      table.publish(0, i % 4);
      assert.ok(table.withdraw(i % 4));
    }
    assert.equal(table.claim(0, 0), -1);
  });

  it('do not take their place from a document that a worker may claim', () => {
    const table = new ClaimTable({ workers: 1, queues: 1, slots: 4 });
    table.publish(0, 0);
    for (let left = 7; left > 0; left--) {
      assert.ok(table.hasTicket(0));
      table.publish(0, 1);
      assert.ok(table.withdraw(1));
    }
    assert.equal(table.hasTicket(0), false);
    assert.equal(table.claim(0, 0), 0);
    assert.equal(table.claim(0, 0), -1);
    assert.ok(table.hasTicket(0));
  });
});
