import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { serialize, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jsonOf } from '../../../bench/job/json.js';
import { stableDigest } from '../../../bench/trials/digest.js';
import { strategies as entries } from '../../../strategies/index.js';
import {
  type Documents,
  deliveriesOfBytes,
  type OpenOptions,
  type Outcome,
  type Session,
  type Strategy,
  type TaskError,
} from '../../../strategies/strategy.js';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { unreadable } from '../../fixtures/tasks/unreadable-values.js';
import {
  documentsOf,
  errorOf,
  fixture,
  longWithParts,
  openable,
  outcomesOf,
  withSession,
} from '../../support.js';
import { failing, harmless, rich } from './odd-documents.js';

/**
 * Every strategy must pass the tests of this folder. The test files of `test/contract` call them for the
 * listed strategies, and `toy-strategy.test.ts` calls them for one that is in no list.
 */

const [sequential] = (await openable(entries.slice(0, 1))) as [Strategy];
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `size${i}`);
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

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

    it('brings an error as a result back that is written like that of every other strategy', async () => {
      const [outcome] = await run(documentsOf(['error-members']), 1);
      assert.equal(
        jsonOf(outcome?.status === 'ok' ? outcome.value : null),
        '[{"name":"TypeError","message":"with members"},{"name":"Error","message":"with a name"},' +
          '{"name":"Error","message":""}]',
      );
    });

    it('goes on where `emit` returns what is no promise, as JavaScript may', async () => {
      const outcomes: Outcome[] = [];
      await session.run(documentsOf(['size', 'size', 'size']), (outcome) => {
        return outcomes.push(outcome) as unknown as Promise<void>;
      });
      assert.deepEqual(outcomes.map(({ index }) => index).sort(), [0, 1, 2]);
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

    it('fails the document of a task that throws what cannot be read, and goes on', async () => {
      const bad = Object.keys(unreadable).flatMap((value) => [`throw:${value}`, `reject:${value}`]);
      const ids = bad.flatMap((id) => [id, 'size']);
      const outcomes = await run(documentsOf(ids), ids.length);
      for (const outcome of outcomes) {
        assert.equal(outcome.status, outcome.id === 'size' ? 'ok' : 'failed', outcome.id);
        if (outcome.status === 'failed')
          assert.equal(typeof outcome.error.message, 'string', JSON.stringify(outcome.error));
        if (outcome.id.endsWith(':revoked-members'))
          assert.equal(errorOf(outcome).message, 'odd members', 'what can be read is reported');
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

    const inOrder = (options: Partial<OpenOptions>) =>
      withSession(strategy, fixture('odd-task'), { ...options, workers: 1 }, async (session) => {
        const documents = documentsOf(numbered(20)).map((document, i) => {
          const bytes = new Uint8Array(1 + ((i * 7919) % 20) * 5000);
          return { ...document, size: bytes.length, bytes };
        });
        const order: number[] = [];
        await session.run(documents, ({ index }) => void order.push(index));
        assert.deepEqual(
          order,
          documents.map(({ index }) => index),
        );
      });

    it('finishes documents in their order on one worker', () => inOrder({}));

    it('finishes documents in their order on one worker with a time limit', rest, () =>
      inOrder({ timeoutMs: 60_000 }),
    );

    it('takes an async source, and several runs one after the other', async () => {
      for (let i = 0; i < 3; i++) {
        const documents = documentsOf(numbered(20));
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

    it('tells why the workload cannot be opened, and leaves nothing running', rest, async () => {
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
