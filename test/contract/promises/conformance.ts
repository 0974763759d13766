import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { serialize, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { outcomeDigest, stableDigest } from '../../../bench/trials/digest.js';
import { strategies as entries } from '../../../strategies/index.js';
import { maxDeathsWithoutResult } from '../../../strategies/session/attempts.js';
import {
  type Documents,
  deliveriesOfBytes,
  type Outcome,
  type Session,
  type Strategy,
  type TaskError,
} from '../../../strategies/strategy.js';
import { loadWorkload } from '../../../workloads/load-workload.js';
import { syntheticCorpus } from '../../../workloads/synthetic.js';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { documentsOf, fixture, longWithParts, openable, outcomesOf, withSession } from '../../support.js';
import { failing, harmless, rich } from './odd-documents.js';

/**
 * Every strategy must pass the tests of this folder. The test files of `test/contract` call them for the
 * listed strategies, and `toy-strategy.test.ts` calls them for one that is in no list.
 */

const [sequential] = (await openable(entries.slice(0, 1))) as [Strategy];
const workers = 3;

// Fewer documents than workers, and none, are where counting goes wrong.
const corpora = [0, 1, workers - 1, 11].map(
  (count) => syntheticCorpus({ name: 'tiny', size: 500, count, complexity: 'medium', seed: 3 }).documents,
);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Asserts that the strategies have the same outcomes for a workload as the baseline. */
export async function sameOutcomes(ref: WorkloadRef, strategies: readonly Strategy[]): Promise<void> {
  const workload = await loadWorkload(ref);
  const run = (strategy: Strategy) =>
    withSession(strategy, ref, { workers: strategy.scales ? workers : 1 }, async (session) => {
      const passes: string[][] = [];
      for (const documents of corpora) {
        const outcomes = await outcomesOf(session, documents, documents.length);
        for (const [i, outcome] of outcomes.entries()) {
          assert.equal(outcome.id, documents[i]?.id);
          assert.equal(outcome.status, 'ok');
          assert.ok((outcome.taskMs ?? -1) >= 0);
          // The clocks of two machines cannot be compared.
          if (strategy.isolation === 'machine') assert.equal(outcome.queuedMs, null);
          else assert.ok((outcome.queuedMs ?? -1) >= 0);
        }
        passes.push(outcomes.map((outcome) => outcomeDigest(outcome, workload)));
      }
      return passes;
    });
  const expected = await run(sequential);
  assert.equal(
    new Set(expected.at(-1)).size > 1 || ref.name === 'sleep',
    true,
    'different documents have different digests',
  );
  for (const strategy of strategies) assert.deepEqual(await run(strategy), expected, strategy.name);
}

/** Tests results, errors of tasks, sources, back-pressure and time limits. */
export function describeResults(strategy: Strategy): void {
  const rest = longWithParts(strategy);
  describe(`${strategy.name}: results`, () => {
    /** The tests that need no options use one session. */
    let session: Session;
    before(async () => {
      session = await strategy.open(fixture('odd-task'), { workers: 2, delivery: strategy.deliveries[0] });
    });
    after(() => session.close());
    const run = (documents: Documents, count: number) => outcomesOf(session, documents, count);

    it('brings every kind of result back as structured clone would', async () => {
      const documents = documentsOf(harmless);
      const ours = await run(documentsOf(harmless), harmless.length);
      const theirs = await withSession(sequential, fixture('odd-task'), {}, (session) =>
        outcomesOf(session, documentsOf(harmless), harmless.length),
      );
      for (const [i, outcome] of ours.entries())
        assert.equal(digest(outcome), digest(theirs[i] as Outcome), documents[i]?.id);
    });

    it('turns errors of the task into failed outcomes and goes on', async () => {
      const ids = Object.keys(failing).flatMap((id) => [id, 'size']);
      const outcomes = await run(documentsOf(ids), ids.length);
      for (const outcome of outcomes) {
        if (outcome.id === 'size') assert.equal(outcome.status, 'ok');
        else {
          assert.equal(outcome.status, 'failed', outcome.id);
          assert.match(
            outcome.status === 'failed' ? `${outcome.error.name}: ${outcome.error.message}` : '',
            failing[outcome.id] as RegExp,
          );
        }
      }
    });

    it('brings the members, the causes and the errors of an error back', async () => {
      const ids = [...Object.keys(rich), 'rich-large'];
      const outcomes = await run(documentsOf(ids), ids.length);
      for (const outcome of outcomes) {
        assert.equal(outcome.status, 'failed', outcome.id);
        const error = errorOf(outcome);
        if (outcome.id !== 'rich-large') assert.deepEqual(withoutStack(error), rich[outcome.id], outcome.id);
        else {
          assert.equal(error.data?.status, 500);
          assert.match(String(error.data?.body), /^x{10000,}$/);
          assert.match(String(error.data?.['…']), /64 KB: body, bytes$/);
          assert.ok(serialize(error.data).length <= 64 * 1024);
        }
      }
    });

    // On the caller's own thread, results are the very objects that the task returned.
    if (strategy.isolation !== 'none')
      it('gives large results as they were, and leaves the task what it has returned', async () => {
        const deeds = ['page', 'page-buffer', 'page-members', 'page-map'];
        const ids = Array.from({ length: 24 }, (_, i) => deeds[i % deeds.length] as string);
        const outcomes = await run(documentsOf(ids), ids.length);
        for (const outcome of outcomes) {
          const { index, id } = outcome;
          assert.equal(outcome.status, 'ok', id);
          const page = new Float64Array(20_000).fill(index);
          if (id === 'page') assert.deepEqual(outcome.value, page);
          if (id === 'page-buffer') assert.deepEqual(outcome.value, page.buffer);
          if (id === 'page-map') assert.deepEqual(outcome.value, new Map([['page', page]]));
          if (id !== 'page-members') continue;
          const { page: first, again, bytes } = outcome.value as Record<string, ArrayBufferView>;
          assert.deepEqual([first, again], [page, page]);
          assert.deepEqual(new Uint8Array(bytes as Uint8Array), new Uint8Array(page.buffer));
        }
      });

    it('finishes documents in their order on one worker', rest, async () => {
      const documents = documentsOf(Array.from({ length: 20 }, (_, i) => `size${i}`)).map((document, i) => {
        const bytes = new Uint8Array(1 + ((i * 7919) % 20) * 5000);
        return { ...document, size: bytes.length, bytes };
      });
      for (const options of [{}, { timeoutMs: 60_000 }])
        await withSession(strategy, fixture('odd-task'), { ...options, workers: 1 }, async (session) => {
          const order: number[] = [];
          await session.run(documents, ({ index }) => void order.push(index));
          assert.deepEqual(
            order,
            documents.map(({ index }) => index),
          );
        });
    });

    it('takes an async source, and several runs one after the other', async () => {
      for (let i = 0; i < 3; i++) {
        const documents = documentsOf(Array.from({ length: 20 }, (_, i) => `size${i}`));
        const outcomes = await run(asyncSource(documents), documents.length);
        assert.ok(outcomes.every(({ status }) => status === 'ok'));
      }
    });

    it('gives a task bytes that are alone in their buffer, and a document that it may change', async () => {
      const text = Buffer.from('ab'.repeat(500));
      const documents = ['own', 'own', 'change', 'change', 'own'].map((id, index) => {
        const bytes = text.subarray(10 * index, 10 * index + 10); // a Buffer, and a part of a larger one
        return { index, id, size: bytes.length, bytes };
      });
      const outcomes = await run(documents, documents.length);
      assert.deepEqual(
        outcomes.map(({ id, status }) => [id, status]),
        documents.map(({ id }) => [id, 'ok']),
      );
      for (const outcome of outcomes)
        if (outcome.status === 'ok' && outcome.id === 'own')
          assert.deepEqual(outcome.value, ['Uint8Array', 0, 10]);
      for (const { size, bytes } of documents) assert.deepEqual([size, bytes.length], [10, 10]);
    });

    it('is held back by a slow consumer', async () => {
      const documents = documentsOf(
        Array.from({ length: 400 }, (_, i) => `size${i}`),
        300_000,
      );
      let pulled = 0;
      let emitted = 0;
      let maxAhead = 0;
      function* source() {
        for (const document of documents) {
          pulled++;
          maxAhead = Math.max(maxAhead, pulled - emitted);
          yield document;
        }
      }
      await session.run(source(), async () => {
        await new Promise(setImmediate);
        emitted++;
      });
      assert.equal(emitted, documents.length);
      assert.ok(maxAhead <= 200, `at most half the documents are in flight, got ${maxAhead}`);
    });

    it('lets a document go that has its outcome, while the source waits', async () => {
      const held: WeakRef<object>[] = [];
      const count = 24;
      let done = 0;
      let allDone = () => {};
      let end = () => {};
      const waits = new Promise<void>((resolve) => {
        end = resolve;
      });
      async function* source() {
        for (const [index, id] of Array.from({ length: count }, (_, i) => `size${i}`).entries()) {
          const document = { index, id, size: 600_000, bytes: new Uint8Array(600_000) };
          held.push(new WeakRef(document.bytes));
          yield document;
        }
        await waits;
      }
      const finished = new Promise<void>((resolve) => {
        allDone = resolve;
      });
      const running = session.run(source(), () => {
        if (++done === count) allDone();
      });
      await finished;
      for (let i = 0; i < 5; i++) {
        await new Promise(setImmediate);
        collect();
      }
      const left = held.filter((bytes) => bytes.deref() !== undefined).length;
      end();
      await running;
      assert.ok(left <= 2, `${left} of ${count} documents are still held`);
    });

    for (const delivery of deliveriesOfBytes(strategy))
      it(`brings large documents whole (${delivery})`, rest, async () => {
        // A session may take the bytes.
        const documents = largeDocuments().map((one) => ({ ...one, bytes: one.bytes.slice() }));
        const expected = documents.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'));
        const outcomes = await withSession(strategy, fixture('odd-task'), { delivery }, (session) =>
          outcomesOf(session, documents, expected.length),
        );
        assert.deepEqual(
          outcomes.map((outcome) => (outcome.status === 'ok' ? outcome.value : outcome.error)),
          expected,
        );
      });

    it('tells why the workload cannot be opened, and leaves nothing running', async () => {
      const open = (ref: WorkloadRef) => strategy.open(ref, { workers: 2, delivery: strategy.deliveries[0] });
      await assert.rejects(open(fixture('odd-task', { failSetup: true })), /no database/);
      await assert.rejects(open(fixture('no-such-task')), /no-such-task/);
    });

    it('gives up a task that waits for too long, and no other', rest, async () => {
      const ids = Array.from({ length: 30 }, (_, i) =>
        i % 10 === 5 ? `never${i}` : i % 3 === 0 ? `later${i}` : `size${i}`,
      );
      const outcomes = await withSession(strategy, fixture('odd-task'), { timeoutMs: 1000 }, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
      for (const { id, status } of outcomes)
        assert.equal(status, id.startsWith('never') ? 'timed-out' : 'ok', id);
    });
  });
}

/** Tests what happens when workers end. Strategies without isolation have none that can end. */
export function describeDeaths(strategy: Strategy): void {
  if (strategy.isolation === 'none') return;
  const rest = longWithParts(strategy);
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  describe(`${strategy.name}: workers that end`, () => {
    it('ends a task that computes for too long, and lets all others finish', rest, async () => {
      const ids = Array.from({ length: 60 }, (_, i) => (i === 10 ? `loop${i}` : `size${i}`));
      await withSession(strategy, fixture('odd-task'), { timeoutMs: 1000 }, async (session) => {
        const warnings = await warningsDuring(async () => {
          const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
          for (const { id, status } of outcomes)
            assert.equal(status, id.startsWith('loop') ? 'timed-out' : 'ok', id);
        });
        assert.deepEqual(warnings, [], 'an outcome shows why the worker ended');
        const again = await outcomesOf(session, documentsOf(['size1', 'size2']), 2);
        assert.deepEqual(
          again.map(({ status }) => status),
          ['ok', 'ok'],
        );
      });
    });

    it('counts no start of a worker as the time of a document', { ...rest, timeout: 60_000 }, async () => {
      const marker = mkdtempSync(join(folder, 'start-'));
      const ids = Array.from({ length: 24 }, (_, i) =>
        i === 3 ? 'block3' : i === 11 ? 'exit-once11' : `size${i}`,
      );
      const task = fixture('odd-task', { marker, setupMs: 1200 });
      const outcomes = await withSession(strategy, task, { timeoutMs: 700 }, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
      for (const { id, status } of outcomes) assert.equal(status, id === 'block3' ? 'timed-out' : 'ok', id);
    });

    it('runs a document once more whose worker has ended', async () => {
      const marker = mkdtempSync(join(folder, 'once-'));
      const ids = Array.from({ length: 40 }, (_, i) => (i % 15 === 7 ? `exit-once${i}` : `size${i}`));
      const documents = [...documentsOf(ids), ...documentsOf(['exit-once40', 'size41'], 5_000_000)];
      const ends = await warningsDuring(async () => {
        const outcomes = await withSession(strategy, fixture('odd-task', { marker }), {}, (session) =>
          outcomesOf(
            session,
            documents.map((document, index) => ({ ...document, index })),
            documents.length,
          ),
        );
        for (const { id, status } of outcomes) assert.equal(status, 'ok', id);
      });
      assert.equal(ends.length, 1, 'the reason, which no outcome has, is said once');
      assert.match(ends[0] as string, /code:? 3/);
    });

    it('brings large results whole when a worker ends in the middle of one', rest, async () => {
      const marker = mkdtempSync(join(folder, 'bulk-'));
      const ids = Array.from({ length: 12 }, (_, i) => (i === 5 ? 'bulk-once5' : `bulk${i}`));
      const outcomes = await withSession(strategy, fixture('odd-task', { marker }), {}, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
      for (const outcome of outcomes) {
        const { index, id } = outcome;
        assert.equal(outcome.status, 'ok', id);
        const bytes = new Uint8Array(2_000_000).fill(index);
        const rest = { rest: { value: 'survived' } };
        assert.deepEqual(outcome.value, { index, bytes, ...(id === 'bulk-once5' && rest) }, id);
      }
    });

    it('says which error has ended a worker', rest, async () => {
      const ids = ['size1', 'uncaught2', 'size3'];
      const outcomes = await withSession(strategy, fixture('odd-task'), {}, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
      const [first, second, third] = outcomes as [Outcome, Outcome, Outcome];
      assert.deepEqual([first.status, second.status, third.status], ['ok', 'crashed', 'ok']);
      const error = errorOf(second);
      assert.match(`${error.name}: ${error.message}`, /RangeError: no code waits for this$/);
    });

    it('puts a document into quarantine that has ended two workers', async () => {
      const marker = mkdtempSync(join(folder, 'count-'));
      await withSession(strategy, fixture('odd-task', { marker }), {}, async (session) => {
        const ids = ['size1', 'exit-count2', 'size3'];
        for (let run = 0; run < 3; run++) {
          const outcomes = await outcomesOf(session, documentsOf(ids), 3);
          assert.deepEqual(
            outcomes.map(({ status }) => status),
            ['ok', 'crashed', 'ok'],
          );
        }
        const runs = readdirSync(marker).length;
        assert.ok(runs >= 2 && runs <= strategy.maxRuns, `it ran ${runs} times`);
      });
    });

    it('stops replacing workers that do no work, and gives every document its outcome', rest, async (t) => {
      const marker = mkdtempSync(join(folder, 'storm-'));
      // Each death costs the start of a worker. The agents of a broker keep the usual number.
      const usual = maxDeathsWithoutResult.count;
      maxDeathsWithoutResult.count = 8;
      t.after(() => {
        maxDeathsWithoutResult.count = usual;
      });
      const ids = Array.from({ length: 300 }, (_, i) => `exit-count${i}`);
      const task = fixture('odd-task', { marker });
      await withSession(strategy, task, { workers: 1 }, async (session) => {
        const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
        for (const { id, status } of outcomes) assert.equal(status, 'crashed', id);
        assert.match(JSON.stringify(outcomes.at(-1)), /in a row ended before any document was done/);
        assert.ok(readdirSync(marker).length < 150, `${readdirSync(marker).length} workers were ended`);
        const [again] = await outcomesOf(session, documentsOf(['size1']), 1);
        assert.equal(again?.status, 'ok', 'another run, another chance');
      });
    });

    it(
      'gives every document one outcome when workers exit, and warns of no end that it shows',
      rest,
      async () => {
        const ids = Array.from({ length: 60 }, (_, i) => (i % 20 === 10 ? `exit${i}` : `size${i}`));
        const warnings = await warningsDuring(async () => {
          const outcomes = await withSession(strategy, fixture('odd-task'), {}, (session) =>
            outcomesOf(session, documentsOf(ids), ids.length),
          );
          for (const { id, status } of outcomes)
            assert.equal(status, id.startsWith('exit') ? 'crashed' : 'ok', id);
        });
        assert.deepEqual(warnings, []);
      },
    );
  });
}

/** Returns the warnings of workers that ended. */
async function warningsDuring(run: () => Promise<void>): Promise<string[]> {
  const warnings: string[] = [];
  const hear = ({ message }: Error) => {
    if (message.startsWith('a worker ended and was replaced')) warnings.push(message);
  };
  process.on('warning', hear);
  await run();
  await new Promise(setImmediate); // warnings are emitted later
  process.off('warning', hear);
  return warnings;
}

function errorOf(outcome: Outcome): TaskError {
  if (outcome.status === 'ok') throw new Error(`expected "${outcome.id}" to fail`);
  return outcome.error;
}

function withoutStack({ stack: _, cause, errors, ...rest }: TaskError): TaskError {
  return {
    ...rest,
    ...(cause && { cause: withoutStack(cause) }),
    ...(errors && { errors: errors.map(withoutStack) }),
  };
}

function digest(outcome: Outcome): string {
  return outcome.status === 'ok' ? stableDigest(outcome.value) : outcome.status;
}

async function* asyncSource<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) {
    await new Promise(setImmediate);
    yield item;
  }
}

let large: Document[] | null = null;

/** Documents of several megabytes, made once. */
function largeDocuments(): Document[] {
  large ??= [9_000_001, 10, 5_000_000, 2 ** 21 + 1, 700_000].map((size, index) => {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = i * 7 + (i >> 8) + index;
    return { index, id: `hash${index}`, size, bytes };
  });
  return large;
}
