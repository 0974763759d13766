import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import queue from '../../strategies/batch-queue/queue.js';
import type { Delivery, Documents, Outcome, Session } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { sumOf } from '../fixtures/tasks/queue-task.js';
import { fixture } from '../support.js';
import { leftovers } from './leftovers.js';

const runs = Number(process.env.FORKWISE_STRESS ?? 15);

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
