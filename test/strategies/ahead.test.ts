import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Ahead, flushMs } from '../../strategies/shared-memory/ahead.js';

describe('documents in front of workers', () => {
  const limits = { publishedMs: 5, pulledMs: 10, streamsOnly: false };

  it('are few until task times are known, then about so much work, and two a worker at least', () => {
    const ahead = new Ahead(limits);
    ahead.begin(true);
    assert.deepEqual([ahead.published(1), ahead.published(3), ahead.pulled(3)], [2, 6, 6]);
    ahead.learn(0.5);
    assert.deepEqual([ahead.published(1), ahead.published(2), ahead.pulled(2)], [10, 20, 40]);
    for (let i = 0; i < 200; i++) ahead.learn(80);
    assert.deepEqual([ahead.published(1), ahead.published(2), ahead.pulled(2)], [2, 4, 4]);
    for (let i = 0; i < 500; i++) ahead.learn(0.001);
    assert.ok(ahead.published(2) > 4096, 'short tasks have no limit but the arena');
  });

  it('are more than a lone worker ends between two reports, so that it never waits for the caller', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 100, noNaN: true }), (taskMs) => {
        const ahead = new Ahead(limits);
        ahead.begin(true);
        ahead.learn(taskMs);
        // The worker reports when the next document would end more than `flushMs` after the first outcome.
        let ended = 1;
        while (ended * taskMs <= flushMs) ended++;
        // It may have claimed the next one only after the caller has published.
        assert.ok(ahead.published(1) - ended >= 1, `${ended} of ${ahead.published(1)}`);
      }),
    );
  });

  it('are as many as the arena holds where a strategy splits a corpus up front', () => {
    const ahead = new Ahead({ ...limits, streamsOnly: true });
    ahead.begin(true);
    assert.equal(ahead.published(2), Number.POSITIVE_INFINITY);
    ahead.begin(false);
    assert.equal(ahead.published(2), 4);
  });
});
