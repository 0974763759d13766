import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { freshFor, fromMemory } from '../../bench/trials/supply.js';
import { warmUp } from '../../bench/trials/warm-up.js';
import type { Delivery, Session } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';

const corpus = (count: number): Document[] =>
  Array.from({ length: count }, (_, index) => ({
    index,
    id: `document ${index}`,
    size: 1,
    bytes: new Uint8Array([index]),
  }));

/** A session that notes which documents each of its runs got. */
function noting(): { readonly runs: number[][]; readonly session: Session } {
  const runs: number[][] = [];
  const run: Session['run'] = async (documents) => {
    const own: number[] = [];
    for await (const { index } of documents) own.push(index);
    runs.push(own);
  };
  return { runs, session: { run } as Session };
}

describe('a warm-up', () => {
  it('runs as many documents as it should, in corpus order, repeated as often as needed', async () => {
    const counts = { documents: fc.integer({ min: 1, max: 30 }), warm: fc.integer({ min: 0, max: 200 }) };
    await fc.assert(
      fc.asyncProperty(
        counts.documents,
        counts.warm,
        fc.integer({ min: 1, max: 8 }),
        async (n, warm, workers) => {
          const { runs, session } = noting();
          const fresh = freshFor('transfer', { changesBytes: false });
          await warmUp(session, fromMemory(corpus(n), fresh), { warmupDocuments: warm, workers });
          assert.deepEqual(
            runs.flat(),
            Array.from({ length: warm }, (_, i) => i % n),
          );
          assert.ok(runs.length <= 6);
          // Every run ends with idle workers, so no run is tiny where documents are few.
          if (runs.length > 1) assert.ok(runs.every((run) => run.length >= 4 * workers));
        },
      ),
    );
  });

  it('begins and ends several times where there are documents enough', async () => {
    const { runs, session } = noting();
    const fresh = freshFor('clone', { changesBytes: false });
    await warmUp(session, fromMemory(corpus(10), fresh), { warmupDocuments: 600, workers: 2 });
    assert.equal(runs.length, 6);
  });

  it('ends when its time is over', async () => {
    const { runs, session } = noting();
    const fresh = freshFor('clone', { changesBytes: false });
    const options = { warmupDocuments: 1e9, maxWarmupMs: 0, workers: 2 };
    await warmUp(session, fromMemory(corpus(10), fresh), options);
    assert.ok(runs.flat().length < 1e9);
  });
});

describe('the documents of a pass', () => {
  const documents = corpus(3);
  const shares = (delivery: Delivery, changesBytes: boolean) =>
    freshFor(delivery, { changesBytes })(documents).every(
      (document, i) => 'bytes' in document && document.bytes === documents[i]?.bytes,
    );

  it('are copies where a pass may change the bytes, and only there', () => {
    assert.equal(shares('transfer', false), false);
    assert.equal(shares('none', true), false);
    for (const delivery of ['none', 'clone', 'shared'] as const) assert.ok(shares(delivery, false), delivery);
    assert.ok(shares('clone', true), 'a worker has bytes of its own');
  });
});
