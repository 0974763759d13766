import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ArenaSize, openArenaSession } from '../../strategies/shared-memory/arena-session.js';
import type { PulledDocument } from '../../strategies/shared-memory/feed.js';
import partitioned from '../../strategies/shared-memory/partitioned.js';
import selfScheduling from '../../strategies/shared-memory/self-scheduling.js';
import type { Outcome, Session } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { sum } from '../fixtures/tasks/arena-task.js';
import { fixture, outcomesOf, withSession } from '../support.js';

/** `FORKWISE_STRESS=<runs>` makes it more. */
const numRuns = Number(process.env.FORKWISE_STRESS ?? 12);

/**
 * An arena so small that slabs, slots and tickets are used over and over. Many documents are larger than a
 * slab.
 */
const size: ArenaSize = { slabBytes: 2_000, slabs: 6, slots: 40 };
const window = { documents: 5, bytes: 3_000, ms: 1 };
const oneQueueSplit = () => (pulled: readonly PulledDocument[]) => [pulled];
const oneQueue = { queues: 1, window, begin: oneQueueSplit };
const queues = (workers: number) =>
  ({
    queues: workers,
    window,
    begin: () => (pulled: readonly { document: Document }[]) =>
      Array.from({ length: workers }, (_, i) =>
        pulled.filter(({ document }) => document.index % workers === i),
      ),
  }) as never;

const harmless = ['sum', 'write', 'whole', 'part', 'reuse', 'later', 'soon', 'throw', 'reject'];
const documents = (deeds: readonly string[]) =>
  fc.array(
    fc.record({
      deed: fc.constantFrom(...deeds),
      size: fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 6_000 })),
    }),
    { maxLength: 80 },
  );
const made = (list: readonly { deed: string; size: number }[]) =>
  list.map(({ deed, size }, index) => documentOf(`${deed} é${index}`, index, size));
const scenario = {
  workers: fc.integer({ min: 1, max: 3 }),
  source: fc.constantFrom('array', 'generator', 'slow'),
  consumer: fc.constantFrom('fast', 'slow'),
};

function documentOf(id: string, index: number, size: number): Document {
  return { index, id, size, bytes: new Uint8Array(size).map((_, i) => (index * 31 + i * 7) % 251) };
}

describe('the shared arena', () => {
  for (const [name, split] of [
    ['one queue', () => oneQueue],
    ['a queue each', queues],
  ] as const) {
    it(`${name}: gives every document one right outcome within its memory`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.record({ ...scenario, documents: documents([...harmless, 'keep', 'exit']) }),
          async ({ workers, documents: list, source, consumer }) => {
            const documents = made(list);
            const session = await openArenaSession(fixture('arena-task'), {
              workers,
              split: split(workers),
              size,
            });
            try {
              for (let run = 0; run < 2; run++) await check(session, documents, { source, consumer });
            } finally {
              await session.close();
            }
          },
        ),
        { numRuns },
      );
    });
  }

  it('keeps few oversized documents waiting', async () => {
    const session = await openArenaSession(fixture('arena-task'), { workers: 1, split: oneQueue, size });
    const large = Array.from({ length: 60 }, (_, index) => documentOf(`later ${index}`, index, 6_000));
    await check(session, large, { source: 'generator', consumer: 'fast' });
    await session.close();
  });

  it('copies the bytes a document has, even if its size is wrong', async () => {
    const session = await openArenaSession(fixture('arena-task'), { workers: 2, split: oneQueue, size });
    const lying = Array.from({ length: 60 }, (_, index) => ({
      ...documentOf(`sum ${index}`, index, 900),
      size: index % 2 === 0 ? 10 : 5_000,
    }));
    const outcomes = await outcomesOf(session, lying, 60);
    for (const { index, bytes } of lying)
      assert.deepEqual((outcomes[index] as { value?: unknown }).value, sum(bytes));
    await session.close();
  });

  it('takes paths that are ASCII, other text, no UTF-8, and longer than a slab', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkwise-arena-'));
    const long = join(folder, ...Array.from({ length: 4 }, () => 'folder '.repeat(20)));
    mkdirSync(long, { recursive: true });
    const paths = [
      join(folder, 'plain'),
      join(folder, 'é €'),
      Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]),
      join(long, 'x'),
    ];
    const session = await openArenaSession(fixture('arena-task'), {
      workers: 1,
      split: oneQueue,
      size: { ...size, slabBytes: 512 },
      delivery: 'reference',
    });
    try {
      for (const [i, path] of paths.entries()) writeFileSync(path, 'x'.repeat(i + 1));
      const ids = ['sum 0', 'sum é1', 'sum 2', 'sum é3'];
      const named = paths.map((path, index) => ({ index, id: ids[index] as string, path }));
      const outcomes = await outcomesOf(session, named, 4);
      assert.deepEqual(
        outcomes.map(({ index, id, status, size }) => [index, id, status, size]).sort(),
        named.map(({ index, id }) => [index, id, 'ok', index + 1]),
      );
    } finally {
      await session.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('never returns a view of shared memory in a result', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...scenario, documents: documents(harmless.filter((deed) => deed !== 'write')) }),
        async (it) => {
          const session = await openArenaSession(fixture('arena-task-shared'), {
            workers: it.workers,
            split: oneQueue,
            size,
          });
          try {
            await check(session, made(it.documents), it);
          } finally {
            await session.close();
          }
        },
      ),
      { numRuns },
    );
  });

  it('finishes the documents it has pulled when it is closed early', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          ...scenario,
          documents: documents(['sum', 'later', 'exit']),
          after: fc.nat({ max: 40 }),
        }),
        async (it) => {
          const session = await openArenaSession(fixture('arena-task'), {
            workers: it.workers,
            split: oneQueue,
            size,
          });
          let closing: Promise<void> | null = null;
          const seen = new Map<number, number>();
          const pulled: number[] = [];
          await session.run(
            sourceOf(made(it.documents), it.source, ({ index }) => pulled.push(index)),
            ({ index }) => {
              seen.set(index, (seen.get(index) ?? 0) + 1);
              if (seen.size >= it.after) closing ??= session.close();
            },
          );
          await (closing ?? session.close());
          assert.deepEqual(
            [...seen.keys()].sort((a, b) => a - b),
            pulled,
          );
          assert.ok([...seen.values()].every((times) => times === 1));
          await assert.rejects(
            session.run([], () => {}),
            /closed/,
          );
        },
      ),
      // A run that hangs has to name its seed.
      { numRuns, timeout: 60_000, endOnFailure: true },
    );
  });

  it('can be used again after a source or a consumer has thrown', async () => {
    const session = await openArenaSession(fixture('arena-task'), { workers: 2, split: oneQueue, size });
    const some = Array.from({ length: 50 }, (_, index) => documentOf(`sum ${index}`, index, 300));
    function* failing(): Generator<Document> {
      yield* some.slice(0, 20);
      throw new Error('the disk is gone');
    }
    const before: number[] = [];
    await assert.rejects(
      session.run(failing(), ({ index }) => void before.push(index)),
      /the disk is gone/,
    );
    assert.equal(before.length, 20, 'documents that came before the error have their outcomes');
    const consumer = () => {
      throw new Error('no more');
    };
    await assert.rejects(session.run(some, consumer), /no more/);
    await assert.rejects(
      session.run(some, async () => consumer()),
      /no more/,
    );
    await check(session, some, { source: 'slow', consumer: 'slow' });
    await session.close();
  });

  it('counts what workers have reported when it is closed at once', async () => {
    const shared = new Int32Array(new SharedArrayBuffer(8));
    // All 40 slots are filled before the first outcome is emitted, and a worker reports ten outcomes at a
    // time.
    const split = { queues: 1, window: { ...window, documents: 64, bytes: 2 ** 20 }, begin: oneQueueSplit };
    const session = await openArenaSession(fixture('count-task', { shared }), { workers: 1, split, size });
    const statuses: string[] = [];
    let closing: Promise<void> | null = null;
    await session.run(
      Array.from({ length: 40 }, (_, index) => documentOf(`${index}`, index, 10)),
      ({ status }) => {
        statuses.push(status);
        if (closing !== null) return;
        Atomics.store(shared, 1, 1);
        Atomics.notify(shared, 1);
        // This blocks the caller's thread until 31 tasks have run. At most ten of their outcomes are not
        // reported then.
        for (let count = Atomics.load(shared, 0); count < 31; count = Atomics.load(shared, 0))
          assert.notEqual(Atomics.wait(shared, 0, count, 30_000), 'timed-out');
        closing = session.close({ now: true });
      },
    );
    await closing;
    assert.equal(statuses.length, 40);
    const ok = statuses.filter((status) => status === 'ok').length;
    assert.ok(ok >= 21, `expected at least the 21 outcomes that were reported, got ${ok}`);
  });

  it('gives up a queue whose workers cannot be replaced, and every document has its outcome', async () => {
    const opened = new Int32Array(new SharedArrayBuffer(4));
    const session = await openArenaSession(fixture('once-task', { opened }), {
      workers: 1,
      split: oneQueue,
      size,
    });
    const some = Array.from({ length: 30 }, (_, index) =>
      documentOf(index === 10 ? 'exit' : 'size', index, 10),
    );
    for (let run = 0; run < 2; run++) {
      const outcomes = await outcomesOf(session, some, 30);
      assert.equal(outcomes[10]?.status, 'crashed');
      assert.match(JSON.stringify(outcomes.at(-1)), /only once/);
    }
    await session.close();
  });
});

for (const strategy of [partitioned, selfScheduling]) {
  it(`${strategy.name} leaves no thread and no descriptor behind`, {
    skip: process.platform !== 'linux',
  }, async () => {
    const use = () =>
      withSession(strategy, fixture('arena-task'), {}, (session) =>
        outcomesOf(session, [documentOf('sum', 0, 2_000_000)], 1),
      );
    const count = () => [readdirSync('/proc/self/task').length, readdirSync('/proc/self/fd').length];
    await use(); // makes the threads and descriptors that a process makes only once
    const before = count();
    for (let i = 0; i < 5; i++) await use();
    assert.deepEqual(count(), before);
  });
}

describe('documents in front of workers', () => {
  for (const [strategy, source] of [
    [selfScheduling, 'array'],
    [selfScheduling, 'slow'],
    [partitioned, 'slow'],
  ] as const)
    it(`${strategy.name} takes no more from its source than it needs (${source})`, async () => {
      // No task ends before the second word changes.
      const shared = new Int32Array(new SharedArrayBuffer(8));
      await withSession(strategy, fixture('count-task', { shared }), { workers: 2 }, async (session) => {
        const documents = Array.from({ length: 200 }, (_, i) => documentOf(`${i}`, 10 + i, 10));
        let pulled = 0;
        let outcomes = 0;
        const counted = () => void pulled++;
        const run = session.run(sourceOf(documents, source, counted), () => void outcomes++);
        for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
        const ahead = pulled;
        Atomics.store(shared, 1, 1);
        Atomics.notify(shared, 1);
        await run;
        // Each worker has one document and two in front of it, and the source was asked for one more.
        assert.ok(ahead >= 2 && ahead <= 7, `${ahead} documents were pulled`);
        assert.deepEqual([pulled, outcomes], [200, 200]);
      });
    });
});

async function check(
  session: Session,
  documents: readonly Document[],
  how: { source: string; consumer: string },
): Promise<void> {
  let bytesAhead = 0;
  let maxAhead = 0;
  const source = sourceOf(documents, how.source, ({ size }) => {
    bytesAhead += size;
    maxAhead = Math.max(maxAhead, bytesAhead);
  });
  const outcomes: Outcome[] = [];
  await session.run(source, (outcome) => {
    assert.equal(outcomes[outcome.index], undefined, 'one outcome per document');
    outcomes[outcome.index] = outcome;
    bytesAhead -= documents[outcome.index]?.size ?? 0;
    return how.consumer === 'slow' ? new Promise(setImmediate) : undefined;
  });
  assert.equal(Object.keys(outcomes).length, documents.length);
  for (const document of documents) judge(document, outcomes[document.index] as Outcome);
  // The bound is the arena, as many bytes of oversized documents and one more, a window that is split, and
  // one pulled.
  const bound = 2 * size.slabs * size.slabBytes + 2 * (window.bytes + 6_000) + 6_000;
  assert.ok(maxAhead <= bound, `${maxAhead} bytes ahead of the consumer`);
}

function judge({ id, bytes }: Document, outcome: Outcome): void {
  const deed = id.split(' ')[0] as string;
  assert.equal(outcome.id, id);
  const failing = deed === 'throw' || deed === 'reject';
  assert.equal(outcome.status, deed === 'exit' ? 'crashed' : failing ? 'failed' : 'ok', id);
  if (outcome.status !== 'ok') {
    if (failing) assert.deepEqual([outcome.error.name, outcome.error.message], ['RangeError', id]);
    return;
  }
  const { value } = outcome;
  assert.deepEqual(sharedIn(value), [], id);
  if (deed === 'whole') assert.deepEqual(value, bytes);
  else if (deed === 'part')
    assert.deepEqual(value, { part: bytes.slice(1, 5), all: new Map([['rest', bytes.slice(5)]]) });
  else if (deed === 'reuse') assert.deepEqual(value, { sum: sum(bytes) });
  else assert.equal(value, sum(bytes));
}

/** Finds views of shared memory in a result. */
function sharedIn(value: unknown): unknown[] {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof SharedArrayBuffer ? [value] : [];
  if (value instanceof Map) return [...value.values()].flatMap(sharedIn);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(sharedIn) : [];
}

function sourceOf(
  documents: readonly Document[],
  kind: string,
  pulled: (document: Document) => void,
): Iterable<Document> | AsyncIterable<Document> {
  function* generator(): Generator<Document> {
    for (const document of documents) {
      pulled(document);
      yield document;
    }
  }
  async function* slow(): AsyncGenerator<Document> {
    for (const document of documents) {
      if (document.index % 3 === 0) await new Promise(setImmediate);
      pulled(document);
      yield document;
    }
  }
  return kind === 'slow' ? slow() : generator();
}
