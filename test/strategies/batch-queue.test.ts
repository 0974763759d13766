import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { Puller } from '../../strategies/batch-queue/puller.js';
import queue from '../../strategies/batch-queue/queue.js';
import { moveAll } from '../../strategies/batch-queue/regions.js';
import { openSharedFile } from '../../strategies/batch-queue/shared-file.js';
import type { Delivery, Documents, Outcome, Session } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Document } from '../../workloads/workload.js';
import { sumOf } from '../fixtures/queue-task.js';
import { alive, descendants, until } from '../processes.js';
import { documentsOf, fixture, outcomesOf, withSession } from '../support.js';

const onLinux = { skip: process.platform !== 'linux' };
const parentModule = fileURLToPath(new URL('../fixtures/queue-parent.js', import.meta.url));
const runs = Number(process.env.FORKWISE_STRESS ?? 15);
const folder = mkdtempSync(join(tmpdir(), 'forkwise-queue-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Lists what sessions must not leave behind. Only our own names in /dev/shm and the temporary folder begin
 * like this.
 */
function leftovers() {
  const named = (path: string) =>
    existsSync(path) ? readdirSync(path).filter((name) => /^forkwise-[\da-f]{8}-/.test(name)) : [];
  const open = existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0;
  return { files: [...named('/dev/shm'), ...named(tmpdir())], processes: descendants(process.pid), open };
}

describe('any documents, in any order of events', () => {
  const region = 2 ** 20;
  const content = new Uint8Array(2 * region + 77).map((_, i) => (i * 31) ^ (i >> 8));
  const sums = new Map<string, string>();
  /** Returns a view of a larger buffer, the most difficult kind of bytes that the parent could give. */
  const bytesOf = (size: number, start: number) => content.subarray(start, start + size);
  const expectedSum = (size: number, start: number) => {
    const key = `${size} ${start}`;
    if (!sums.has(key)) sums.set(key, sumOf(bytesOf(size, start)));
    return sums.get(key) as string;
  };

  interface Plan {
    size: number;
    deed: string;
    start: number;
  }
  const size = fc.oneof(
    { weight: 6, arbitrary: fc.nat(2000) },
    { weight: 2, arbitrary: fc.constantFrom(0, 1, 100_000) },
    { weight: 1, arbitrary: fc.constantFrom(region / 2, region - 1, region, region + 1, 2 * region) },
  );
  const deed = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.constantFrom('plain', 'turn', 'wait', 'throw', 'reject', 'same', 'keep', 'write'),
    },
    { weight: 40, arbitrary: fc.constant('plain') },
    { weight: 1, arbitrary: fc.constant('exit') },
  );
  const documents: fc.Arbitrary<Plan[]> = fc.oneof(
    fc.array(fc.record({ size, deed, start: fc.nat(70) }), { maxLength: 40 }),
    // Many documents of one kind let batches grow to their limits.
    fc
      .record({ count: fc.integer({ min: 100, max: 900 }), size: fc.constantFrom(0, 10, 3000, 20_000) })
      .map(({ count, size }) =>
        Array.from({ length: count }, (_, start) => ({ size, deed: 'plain', start: start % 70 })),
      ),
  );
  const sessions = new Map<string, Promise<Session>>();
  const sessionOf = (workers: number, delivery: Delivery, task: string) => {
    const key = `${workers} ${delivery} ${task}`;
    const session = sessions.get(key) ?? queue.open(fixture(task), { workers, delivery });
    sessions.set(key, session);
    return session;
  };
  const baseline = leftovers();
  after(async () => {
    for (const session of sessions.values()) await (await session).close();
    const { files, processes } = leftovers();
    assert.deepEqual({ files, processes }, { files: baseline.files, processes: baseline.processes });
  });

  it('every pulled document has exactly one outcome, and the right one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          documents,
          workers: fc.integer({ min: 1, max: 3 }),
          delivery: fc.constantFrom<Delivery>('path', 'message'),
          task: fc.constantFrom('queue-task', 'queue-task', 'queue-views'),
          source: fc.constantFrom('sync', 'async', 'slow'),
          consumer: fc.constantFrom('sync', 'sync', 'slow'),
          closeAfter: fc.option(fc.nat(60), { freq: 5 }),
        }),
        async ({ documents, workers, delivery, task, source, consumer, closeAfter }) => {
          const shared = task === 'queue-views';
          const all = documents.map(({ size, deed, start }, index): Document => {
            const name = shared && (deed === 'keep' || deed === 'write') ? 'plain' : deed;
            return { index, id: `${name}-${index}`, size, bytes: bytesOf(size, start) };
          });
          const pulled: Document[] = [];
          const pull = (document: Document) => {
            pulled.push(document);
            return document;
          };
          const sources: Record<string, () => Documents> = {
            sync: () => ({
              *[Symbol.iterator]() {
                for (const one of all) yield pull(one);
              },
            }),
            async: () => ({
              async *[Symbol.asyncIterator]() {
                for (const one of all) yield pull(one);
              },
            }),
            slow: () => ({
              async *[Symbol.asyncIterator]() {
                for (const one of all) {
                  await turn();
                  yield pull(one);
                }
              },
            }),
          };
          const session = await (closeAfter === null
            ? sessionOf(workers, delivery, task)
            : queue.open(fixture(task), { workers, delivery }));
          const outcomes: Outcome[] = [];
          let emitting = false;
          let closed: Promise<void> | null = null;
          await session.run((sources[source] as () => Documents)(), (outcome) => {
            assert.equal(emitting, false, 'the consumer is still busy with another outcome');
            assert.equal(outcomes[outcome.index], undefined, 'a second outcome');
            outcomes[outcome.index] = outcome;
            if (outcome.index === closeAfter) closed = session.close();
            if (consumer === 'sync') return;
            emitting = true;
            return turn().then(() => {
              emitting = false;
            });
          });
          if (closeAfter !== null) await (closed ?? session.close());
          else assert.equal(pulled.length, all.length);
          // A session that closes does not wait for the document that an async source was asked for.
          const lost = pulled.filter(({ index }) => outcomes[index] === undefined);
          assert.ok(
            lost.length <= (closeAfter !== null && source !== 'sync' ? 1 : 0),
            `${lost.length} without an outcome`,
          );
          for (const { index, id, size } of pulled) {
            const outcome = outcomes[index];
            if (outcome === undefined) continue;
            const sum = expectedSum(size, documents[index]?.start as number);
            const deed = id.replace(/-.*/, '');
            assert.equal(outcome.id, id);
            if (deed === 'exit') assert.equal(outcome.status, 'crashed');
            else {
              assert.ok(
                (outcome.taskMs ?? -1) >= 0 && (outcome.queuedMs ?? -1) >= 0 && outcome.worker !== null,
              );
              if (deed === 'throw' || deed === 'reject') {
                assert.ok(
                  outcome.status === 'failed' &&
                    outcome.error.name === 'RangeError' &&
                    outcome.error.message === sum,
                  id,
                );
              } else {
                assert.ok(outcome.status === 'ok', id);
                const { own, ...value } = outcome.value as { own: boolean };
                assert.deepEqual(value, { size, sum, plain: true, ...(deed === 'keep' && { whole: true }) });
                if (!shared) assert.equal(own, true, 'a document is the whole of its buffer');
              }
            }
          }
        },
      ),
      {
        numRuns: runs,
        seed: process.env.FORKWISE_SEED === undefined ? Date.now() : Number(process.env.FORKWISE_SEED),
      },
    );
  });
});

describe('a session', () => {
  it('leaves no process, descriptor or file', onLinux, async () => {
    // The first child process opens descriptors that Node keeps open.
    await withSession(queue, fixture('queue-task'), { workers: 1 }, async () => {});
    const before = leftovers();
    for (let i = 0; i < 20; i++) {
      await withSession(queue, fixture('queue-task'), { workers: 1 }, async (session) => {
        assert.equal(session.transport, 'tmpfs');
        assert.deepEqual(leftovers().files, before.files, 'the file has no name while it is used');
        await outcomesOf(session, documentsOf(['plain', 'throw']), 2);
      });
    }
    await assert.rejects(
      queue.open(fixture('no-such-task'), { workers: 2, delivery: 'path' }),
      /no-such-task/,
    );
    assert.deepEqual(leftovers(), before);
  });

  it('returns a result as it was, even if the task changes it afterwards', async () => {
    await withSession(queue, fixture('queue-task'), { workers: 1 }, async (session) => {
      const documents = documentsOf(Array.from({ length: 300 }, (_, i) => `same-${i}`));
      const outcomes = await outcomesOf(session, documents, documents.length);
      for (const [i, outcome] of outcomes.entries()) {
        assert.equal(
          outcome.status === 'ok' && (outcome.value as { sum: string }).sum,
          sumOf(documents[i]?.bytes as Uint8Array),
        );
      }
    });
  });

  it('rejects with the error of the consumer, stops pulling, and can run again', async () => {
    await withSession(queue, fixture('queue-task'), {}, async (session) => {
      let pulled = 0;
      let returned = false;
      function* endless() {
        try {
          for (;;) yield { index: pulled, id: `plain-${pulled++}`, size: 3, bytes: new Uint8Array(3) };
        } finally {
          returned = true;
        }
      }
      const failing = session.run(endless(), ({ index }) => {
        if (index === 200) throw new Error('disk full');
      });
      await assert.rejects(failing, /disk full/);
      assert.equal(returned, true);
      await outcomesOf(session, documentsOf(['plain', 'turn', 'wait']), 3);
    });
  });

  it('gives every pulled document its outcome before it rejects with the error of the source', async () => {
    await withSession(queue, fixture('queue-task'), {}, async (session) => {
      for (const fails of [sourceThatFails(70), atOnce(sourceThatFails(70))]) {
        const seen = new Set<number>();
        await assert.rejects(
          session.run(fails, ({ index }) => void seen.add(index)),
          /no more pages/,
        );
        assert.equal(seen.size, 70);
      }
    });
  });

  it('replaces a worker that was killed from outside, both busy and idle', onLinux, async () => {
    await withSession(queue, fixture('queue-task'), {}, async (session) => {
      const kill = async () => {
        const [victim] = (await session.members()).processes;
        process.kill(victim?.pid as number, 'SIGKILL');
      };
      await kill();
      const ids = Array.from({ length: 300 }, (_, i) => `wait-${i}`);
      const { processes } = await session.members();
      let killed = false;
      const statuses = new Set<string>();
      let count = 0;
      await session.run(documentsOf(ids), ({ status }) => {
        statuses.add(status);
        if (++count > 50 && !killed) {
          killed = true;
          for (const { pid } of processes) process.kill(pid, 'SIGKILL');
        }
      });
      assert.deepEqual([[...statuses], count], [['ok'], ids.length]);
    });
  });

  it('gives up a worker that cuts its channel, or leaves it to a process it has started', {
    ...onLinux,
    timeout: 20_000,
  }, async () => {
    const marker = join(folder, 'heir');
    await withSession(queue, fixture('queue-task', { marker }), {}, async (session) => {
      const ids = ['plain', 'cut', 'plain', 'heir', 'plain'];
      const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
      const statuses = outcomes.map(({ status }) => status);
      assert.deepEqual(statuses, ['ok', 'crashed', 'ok', 'crashed', 'ok']);
      process.kill(Number(readFileSync(marker, 'latin1')));
    });
  });

  for (const [option, cause] of [
    ['failWhen', /3 workers in a row ended before they ran any document; .* the database has gone/],
    ['dieWhen', /3 workers in a row ended before they ran any document; .* exit code 4/],
  ] as const) {
    it(`gives up when no new worker starts (${option})`, async () => {
      const marker = join(folder, option);
      await withSession(
        queue,
        fixture('queue-task', { [option]: marker }),
        { workers: 1 },
        async (session) => {
          await outcomesOf(session, documentsOf(['plain']), 1);
          writeFileSync(marker, '');
          const ids = ['plain', 'exit', ...Array.from({ length: 500 }, (_, i) => `plain-${i}`)];
          const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
          const last = outcomes.at(-1) as Outcome;
          assert.match(last.status === 'crashed' ? last.error.message : last.status, cause);
          rmSync(marker);
          const [again] = await outcomesOf(session, documentsOf(['plain']), 1);
          assert.equal(again?.status, 'ok', 'the next run starts workers again');
        },
      );
    });
  }

  it('leaves the documents to workers that still work', async () => {
    const marker = join(folder, 'one lane');
    await withSession(queue, fixture('queue-task', { failWhen: marker }), { workers: 2 }, async (session) => {
      writeFileSync(marker, '');
      const ids = Array.from({ length: 400 }, (_, i) => (i === 100 ? 'exit' : `wait-${i}`));
      const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
      const crashed = outcomes.filter(({ status }) => status === 'crashed').length;
      assert.ok(crashed >= 1 && crashed <= 10, `${crashed} crashed`);
      rmSync(marker);
    });
  });

  it('ends a busy child and the reaper when its process is killed', {
    ...onLinux,
    timeout: 20_000,
  }, async () => {
    const marker = join(folder, 'loop');
    const parent = spawn(process.execPath, [
      parentModule,
      JSON.stringify(fixture('queue-task', { marker })),
      'loop',
    ]);
    let family: number[] = [];
    try {
      await until(() => existsSync(marker) && readFileSync(marker, 'latin1') !== '');
      family = descendants(parent.pid as number);
      assert.equal(family.length, 2, 'the worker and the reaper');
      assert.ok(family.includes(Number(readFileSync(marker, 'latin1'))));
      parent.kill('SIGKILL');
      await until(() => !family.some(alive));
    } finally {
      parent.kill('SIGKILL');
      for (const pid of family.filter(alive)) process.kill(pid, 'SIGKILL');
    }
  });

  it('sends documents in messages when no folder has room, and says why once', onLinux, async () => {
    // The limit is 4 KB per file: a write beyond it fails, as on a full disk.
    const confined = `trap '' XFSZ; ulimit -f 8; exec "$@"`;
    const args = [
      process.execPath,
      parentModule,
      JSON.stringify(fixture('queue-task')),
      'plain',
      'turn',
      'throw',
    ];
    const { stdout, stderr } = await promisify(execFile)('/bin/sh', ['-c', confined, 'sh', ...args]);
    assert.deepEqual(JSON.parse(stdout), {
      transport: 'message',
      statuses: ['plain:ok', 'turn:ok', 'throw:failed'],
    });
    assert.equal(stderr.split('documents travel in messages: "/dev/shm" took no file').length, 2, stderr);
    assert.match(stderr, /EFBIG/);
  });
});

describe('the shared file', () => {
  it('is in the first folder that takes it, and has no name', () => {
    const path = mkdtempSync(join(folder, 'there-'));
    const missing = { path: join(path, 'missing'), transport: 'tmpfs' } as const;
    const there = { path, transport: 'file' } as const;
    const { file, refusals } = openSharedFile({ bytes: 3 * 2 ** 20 + 5, folders: [missing, there, missing] });
    assert.ok(file?.transport === 'file');
    assert.match(refusals.join(), /^"[^"]*missing" took no file of 3145733 bytes: ENOENT[^"]*$/);
    assert.deepEqual(readdirSync(path), []);
    assert.equal(fstatSync(file.fd).size, 3 * 2 ** 20 + 5);
    closeSync(file.fd);
    const none = openSharedFile({ bytes: 5, folders: [missing, missing] });
    assert.deepEqual([none.file, none.refusals.length], [null, 2]);
  });

  it('is written and read to the end when the system stops short', () => {
    const lengths = fc.array(fc.oneof(fc.constant(0), fc.nat(20)), { maxLength: 30 });
    fc.assert(
      fc.property(
        lengths,
        fc.nat(9),
        fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1 }),
        (lengths, start, steps) => {
          const views = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
          const expected = Buffer.concat(views);
          const file = Buffer.alloc(start + expected.length);
          let calls = 0;
          moveAll(
            (left, position) => {
              const moved = Buffer.concat(left).subarray(0, steps[calls++ % steps.length]);
              file.set(moved, position);
              return moved.length;
            },
            views,
            start,
          );
          assert.deepEqual(file, Buffer.concat([Buffer.alloc(start), expected]));
        },
      ),
    );
    const counts: number[] = [];
    const one = new Uint8Array(1);
    moveAll((left) => counts.push(left.length) && left.length, Array(3000).fill(one), 0);
    assert.deepEqual(counts, [1024, 1024, 952]);
    assert.throws(() => moveAll(() => 0, [one], 7), /expected 1 more buffers of the shared file at 7/);
  });
});

describe('the puller', () => {
  const limit = { documents: 10, bytes: 1000 };
  const sizes = async (documents: Documents) => {
    const puller = new Puller(documents);
    const batches: number[][] = [];
    for (let batch = await puller.take(limit); batch !== null; batch = await puller.take(limit)) {
      batches.push(batch.documents.map(({ size }) => size));
    }
    return batches;
  };
  const sized = (...sizes: number[]) =>
    sizes.map((size, index) => ({ index, id: `${index}`, size, bytes: new Uint8Array(size) }));

  it('respects the limits, and lets a larger document travel alone', async () => {
    const documents = sized(500, 500, 1, 2000, 999, 2, ...Array(11).fill(0));
    const batches = [[500, 500], [1], [2000], [999], [2, ...Array(9).fill(0)], [0, 0]];
    assert.deepEqual(await sizes(documents), batches);
    assert.deepEqual(await sizes(atOnce(documents)), batches);
  });

  it('does not delay a document because the next one is late', { timeout: 20_000 }, async () => {
    let more = () => {};
    const puller = new Puller(
      (async function* () {
        yield* sized(1, 2);
        await new Promise<void>((resolve) => {
          more = resolve;
        });
        yield* sized(3);
      })(),
    );
    assert.equal((await puller.take(limit))?.documents.length, 2);
    const late = puller.take(limit);
    more();
    assert.equal((await late)?.documents[0]?.size, 3);
    assert.equal(await puller.take(limit), null);
  });

  it('lets the event loop run', async () => {
    let turns = 0;
    const count = () => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    const busy = function* () {
      for (const endMs = now() + 5000; turns < 3 && now() < endMs; ) yield* sized(1);
    };
    await sizes(busy());
    assert.ok(turns >= 3, `${turns} turns`);
    turns = 0;
    await sizes(atOnce(busy()));
    assert.ok(turns >= 3, `${turns} turns`);
    clearImmediate(next);
  });
});

async function* atOnce<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

function* sourceThatFails(after: number): Generator<Document> {
  yield* documentsOf(Array.from({ length: after }, (_, i) => `plain-${i}`));
  throw new Error('no more pages');
}
