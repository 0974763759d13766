import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inFlightCost } from '../../bench/trials/in-flight-cost.js';
import type { Supplied } from '../../bench/trials/supply.js';
import type { Documents, Emit, Outcome } from '../../strategies/strategy.js';

const documents: Supplied[] = ['a', 'b', 'c'].map((id, index) => ({
  id,
  index,
  size: 1,
  bytes: new Uint8Array(1),
}));
const taken: { index: number; id: string }[] = [];

/** Ends each document at once. Those of which `fails` says so have failed. */
const session = (fails: (index: number) => boolean) => ({
  async run(documents: Documents, emit: Emit) {
    taken.length = 0;
    for (const { index, id } of documents as Iterable<Supplied>) {
      taken.push({ index, id });
      const status = fails(index) ? 'failed' : 'ok';
      await emit({ index, id, worker: null, queuedMs: 0, taskMs: 0, status } as unknown as Outcome);
    }
  },
});

describe('the cost of a document beside others', () => {
  it('is that of the later documents, which are those of the corpus over and over', async () => {
    const found = await inFlightCost(
      session(() => false),
      { documents, inFlight: 4, timeMs: 50 },
    );
    assert.equal(found.calls, taken.length);
    assert.ok(taken.every(({ index, id }, i) => index === i && id === documents[i % 3]?.id));
    const { cpuMs, loopMs } = found.cost as { cpuMs: number; loopMs: number };
    assert.ok(cpuMs >= 0 && loopMs >= 0, `${cpuMs} and ${loopMs} ms`);
  });

  it('counts the documents that failed', async () => {
    const options = { documents, inFlight: 4, timeMs: 50 };
    const fails = (index: number) => index % 3 === 2;
    const { failed, calls } = await inFlightCost(session(fails), options);
    assert.equal(calls, taken.length);
    assert.equal(failed, taken.filter(({ index }) => fails(index)).length);
  });

  it('is not known if each place had too few', async () => {
    const options = { documents, inFlight: 4, timeMs: 50 };
    const short = await inFlightCost(
      session(() => false),
      { ...options, timeMs: 0 },
    );
    assert.deepEqual(short, { cost: null, calls: 0, failed: 0 });
    const many = await inFlightCost(
      session(() => false),
      { ...options, inFlight: 1e9 },
    );
    assert.equal(many.cost, null);
  });
});
