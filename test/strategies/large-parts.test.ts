import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import threadPool from '../../strategies/library-pool/thread-pool.js';
import partitioned from '../../strategies/shared-memory/partitioned.js';
import selfScheduling from '../../strategies/shared-memory/self-scheduling.js';
import {
  largeBytes,
  MovedParts,
  type PartsOfReply,
  withoutLargeParts,
} from '../../strategies/worker/large-parts.js';
import { snapshot } from '../../strategies/worker/snapshot.js';
import { documentsOf, outcomesOf, withSession } from '../support.js';

/** Returns the buffers that a reply to what was taken would move; undefined: none. */
function moved(large: MovedParts): readonly ArrayBuffer[] | undefined {
  const reply: PartsOfReply = {};
  large.note(reply);
  return reply.moved;
}

describe('large parts of results', () => {
  it('are copied once each, and the copies are what a message moves', () => {
    const large = new MovedParts('copy');
    const numbers = new Float64Array(largeBytes / 8).fill(3);
    const value = { numbers, again: numbers, list: [numbers.buffer, new DataView(numbers.buffer)], few: [1] };
    const copy = snapshot(value, null, large) as typeof value;
    assert.deepEqual(copy, value);
    assert.equal(copy.again, copy.numbers);
    const [buffer, view] = copy.list as [ArrayBuffer, DataView];
    assert.deepEqual(moved(large), [copy.numbers.buffer, buffer, view.buffer]);
    assert.ok(![copy.numbers.buffer, buffer, view.buffer].includes(numbers.buffer));
    assert.equal(moved(large), undefined);
  });

  it('are moved themselves when the task gives them up, but only if they are whole', () => {
    const large = new MovedParts('move');
    const whole = new Uint8Array(largeBytes);
    const part = new Uint8Array(2 * largeBytes).subarray(largeBytes);
    const shared = new Uint8Array(new SharedArrayBuffer(largeBytes));
    const value = { whole, part, shared, small: new Uint8Array(8) };
    const sent = snapshot(value, shared.buffer as SharedArrayBuffer, large) as typeof value;
    assert.deepEqual(sent, value);
    assert.equal(sent.whole, whole);
    assert.deepEqual(moved(large), [whole.buffer, sent.part.buffer, sent.shared.buffer]);
    assert.ok(sent.part.buffer !== part.buffer && sent.shared.buffer !== shared.buffer);
  });

  it('leave nothing behind of a copy that was not finished', () => {
    const large = new MovedParts('copy');
    snapshot([new Uint8Array(largeBytes), new Map()], null, large);
    assert.equal(moved(large), undefined);
  });

  it('of a result that is sent at once are replaced in it and in a plain object', () => {
    const large = new MovedParts('copy');
    const bytes = Buffer.alloc(largeBytes, 7);
    const value = { id: 'a', bytes, again: bytes, small: new Uint8Array(2) };
    const sent = withoutLargeParts(value, large) as typeof value;
    assert.ok(sent.bytes !== bytes && sent.again === sent.bytes && sent.small === value.small);
    assert.deepEqual(new Uint8Array(sent.bytes), new Uint8Array(bytes));
    assert.deepEqual(moved(large), [sent.bytes.buffer]);
    const small = { id: 'b', bytes: new Uint8Array(3) };
    assert.equal(withoutLargeParts(small, large), small);
    assert.equal(moved(large), undefined);
  });
});

/** Returns the bytes it has kept from the document before, as their number, and large new ones. */
const giving = (results: string) => ({
  name: 'giving',
  url: `data:text/javascript,${encodeURIComponent(`
    let kept = new Uint8Array(1);
    export const results = '${results}';
    export default ({ index }) => {
      const before = kept.length;
      kept = new Uint8Array(100_000).fill(index);
      return { before, kept };
    };`)}`,
  options: {},
});

for (const strategy of [threadPool, partitioned, selfScheduling])
  it(`${strategy.name} moves what a task gives up, and nothing else`, async () => {
    for (const [results, length] of [
      ['move', 0],
      ['copy', 100_000],
    ] as const)
      await withSession(strategy, giving(results), { workers: 1 }, async (session) => {
        for (let run = 0; run < 3; run++) {
          const [outcome] = await outcomesOf(session, documentsOf(['a']), 1);
          assert.equal(outcome?.status, 'ok');
          const { before, kept } = outcome.value as { before: number; kept: Uint8Array };
          assert.equal(before, run === 0 ? 1 : length);
          assert.deepEqual(kept, new Uint8Array(100_000));
        }
      });
  });
