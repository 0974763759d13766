import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endIdleMs } from '../../bench/measure/end-idle.js';
import { Passes, type Run } from '../../bench/measure/passes.js';
import { outcomeDigest } from '../../bench/trials/digest.js';
import { fromMemory } from '../../bench/trials/supply.js';
import type { Outcome } from '../../strategies/strategy.js';
import type { Document, Workload } from '../../workloads/workload.js';
import { documentsOf } from '../support.js';

const documents = documentsOf(Array.from({ length: 40 }, (_, i) => `d${i}`));
const workload = { default: () => {} } as unknown as Workload;
const outcomeOf = ({ index, id }: Document, value: unknown = `result of ${id}`): Outcome => ({
  index,
  id,
  worker: '1',
  queuedMs: 1,
  taskMs: 1,
  status: 'ok',
  value,
});
const expected = documents.map((document) => outcomeDigest(outcomeOf(document), workload));

/** Emits what `emitted` makes of each document, and counts runs. */
function session(
  emitted: (document: Document, run: number) => readonly Outcome[] = (document) => [outcomeOf(document)],
) {
  const state = { runs: 0 };
  const run: Run = async (source, { emit }) => {
    state.runs++;
    for (const document of source)
      for (const outcome of emitted(document as Document, state.runs)) emit(outcome);
  };
  return { run, state };
}

async function recorded(
  resultBytes: number | null,
  { run, state }: ReturnType<typeof session>,
  { count = 3, unique = documents.length }: { count?: number; unique?: number } = {},
) {
  const passes = new Passes({
    supply: fromMemory(documents, (all) => all),
    workload,
    expected,
    resultBytes,
    workers: 1,
    perWorker: 1,
    round: 1,
    unique,
  });
  for (let i = 0; i < count; i++) {
    passes.prepare();
    await passes.time(run);
    passes.verify();
  }
  await passes.verifyAll(run);
  return { ...passes.record, runs: state.runs };
}

/** A supply whose third document has changed since the corpus was made. */
const changing = {
  ...fromMemory(documents, (all) => all),
  changeOf: (index: number) => (index === 2 ? 'changed' : null),
};

describe('passes', () => {
  it('name the file that changed in place of the result that differs', async () => {
    const of = async (index: number) => {
      const passes = new Passes({
        supply: changing,
        workload,
        expected,
        resultBytes: 1000,
        workers: 1,
        perWorker: 1,
        round: 1,
        unique: documents.length,
      });
      passes.prepare();
      const { run } = session((document) => [
        outcomeOf(document, document.index === index ? 'x' : undefined),
      ]);
      await passes.time(run);
      passes.verify();
      return passes.record.difference;
    };
    assert.match((await of(2)) ?? '', /^document ".*": its file changed meanwhile/);
    assert.match((await of(3)) ?? '', /^the result for document ".*" differs/);
    assert.equal(await of(-1), null, 'a file that changed without a difference is no difference');
  });

  it('count from the name on, while the ends of workers count from when the session took it', async () => {
    const passes = new Passes({
      supply: { ...changing, callerReads: true },
      workload,
      expected,
      resultBytes: 1000,
      workers: 1,
      perWorker: 1,
      round: 1,
      unique: documents.length,
    });
    passes.prepare();
    await passes.time(async (source, { emit, takenMs }) => {
      assert.ok(takenMs !== undefined);
      for (const document of source) {
        takenMs[document.index] = performance.now() + 1e6;
        emit({ ...outcomeOf(document as Document), queuedMs: 0 });
      }
      return undefined;
    });
    passes.verify();
    const { latencyP99Ms, endIdleMs: idle } = passes.record;
    assert.ok(latencyP99Ms !== null && latencyP99Ms < 1e5);
    assert.equal(idle, 0, 'one worker never waits for another');
  });

  it('are checked from first to last, without another when all results were kept', async () => {
    const { runs, difference, outcomesOk, digest } = await recorded(1000, session());
    assert.deepEqual([runs, difference, outcomesOk], [3, null, 120]);
    const wrong = session((document, run) => [
      outcomeOf(document, run === 2 && document.id === 'd7' ? 'other' : undefined),
    ]);
    assert.match(
      (await recorded(null, wrong)).difference ?? '',
      /"d7" differs from the one that sequential returned/,
    );
    assert.match(digest ?? '', /^[\da-f]{16}$/);
  });

  it('take as long as the session says, where its own clock leaves the handing over out', async () => {
    const { run, state } = session();
    const timed: Run = async (source, emit) => {
      await run(source, emit);
      return 1e6 * state.runs;
    };
    const { passesMs, latencyP50Ms, outcomesOk } = await recorded(null, { run: timed, state });
    assert.deepEqual([passesMs, latencyP50Ms, outcomesOk], [[1e6, 2e6, 3e6], null, 120]);
  });

  it('with results too large to keep have one more, untimed, whose results are all checked', async () => {
    const large = 2e6; // 40 of them in a pass of which one is kept
    const { runs, difference, outcomesOk, digest, passesMs } = await recorded(large, session());
    assert.deepEqual([runs, difference, outcomesOk, passesMs.length], [4, null, 120, 3]);
    assert.equal(digest, (await recorded(1, session())).digest);
    const always = session((document) => [outcomeOf(document, document.id === 'd7' ? 'other' : undefined)]);
    assert.match((await recorded(large, always)).difference ?? '', /"d7"/);
    // If documents repeat, each one is checked once more, not more often.
    const seen: string[] = [];
    const half = session((document, run) => {
      if (run === 4) seen.push(document.id);
      return [outcomeOf(document)];
    });
    assert.equal((await recorded(large, half, { unique: 20 })).difference, null);
    assert.deepEqual(
      seen,
      documents.slice(0, 20).map(({ id }) => id),
    );
    // One result a pass is kept, of another document each time: forty passes see a wrong one whatever its
    // document.
    const once = session((document, run) => [
      outcomeOf(document, run <= 40 && document.id === 'd7' ? 'other' : undefined),
    ]);
    assert.match((await recorded(large, once, { count: 40 })).difference ?? '', /"d7"/);
  });

  it('report a document that has no outcome, two outcomes or a failure, whatever is kept', async () => {
    for (const bytes of [1, 2e6]) {
      const odd = (id: string, outcomes: (document: Document) => readonly Outcome[]) =>
        recorded(
          bytes,
          session((document) => (document.id === id ? outcomes(document) : [outcomeOf(document)])),
        );
      await assert.rejects(
        odd('d3', () => []),
        /"d3" had no outcome/,
      );
      await assert.rejects(
        odd('d3', (document) => [outcomeOf(document), outcomeOf(document)]),
        /"d3" had two outcomes/,
      );
      const { difference, outcomesFailed } = await odd('d3', ({ index, id }) => [
        {
          index,
          id,
          worker: '1',
          queuedMs: 1,
          taskMs: 1,
          status: 'failed',
          error: { name: 'Error', message: 'no' },
        },
      ]);
      assert.match(difference ?? '', /"d3" failed, which did not happen with sequential: no/);
      assert.equal(outcomesFailed, 3);
    }
  });
});

describe('idle ends', () => {
  const done = (worker: number | null, start: number, taskMs: number | null, index = 0): Outcome => ({
    index,
    id: '',
    worker: worker === null ? null : String(worker),
    queuedMs: start,
    taskMs,
    status: 'ok',
    value: null,
  });
  const idle = (outcomes: readonly Outcome[], workers: number, perWorker = 1) =>
    endIdleMs(outcomes, { pulledMs: [100, 200], workers, perWorker });

  it('are what workers wait for the last one, by worker where each has a name', () => {
    // Worker 1 ends at 10, worker 2 at 40: one of two is idle for 30.
    assert.equal(idle([done(1, 0, 5), done(1, 5, 5), done(2, 0, 40)], 2), 15);
    assert.equal(idle([done(1, 0, 5), done(1, 5, 5)], 1), 0);
    assert.equal(idle([done(1, 0, 5), done(2, 0, 5, 1)], 2), 50); // pulled a hundred milliseconds later
  });

  it('are those of the last documents where places have none', () => {
    assert.equal(idle([done(0, 0, 10), done(0, 0, 40), done(0, 10, 20), done(0, 30, 5)], 2), 2.5);
  });

  it('are those of its last documents where a worker runs several at the same time', () => {
    // Worker 1 ends at 40 and at 20, worker 2 at 40 and at 35: their four places are idle for 25 in all.
    const outcomes = [done(1, 0, 10), done(1, 0, 40), done(1, 10, 10), done(2, 0, 40), done(2, 0, 35)];
    assert.equal(idle(outcomes, 2, 2), 25 / 4);
    assert.equal(idle(outcomes, 2), 0, 'workers with one place each end at the same time');
    // One of four places has never had a document.
    assert.equal(idle([done(1, 0, 10), done(1, 0, 40), done(2, 0, 40)], 2, 2), 10);
  });

  it('are not known where tasks are not timed', () => {
    assert.equal(idle([done(1, 0, null)], 2), null);
    assert.equal(idle([], 2), null);
  });
});
