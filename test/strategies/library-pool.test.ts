import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  CallWatch,
  isStarting,
  LimitedCall,
  type PoolWorker,
} from '../../strategies/library-pool/call-watch.js';
import processPool from '../../strategies/library-pool/process-pool.js';
import { Stop } from '../../strategies/library-pool/start-board.js';
import threadPool from '../../strategies/library-pool/thread-pool.js';
import { Turns } from '../../strategies/library-pool/turns.js';
import { documentsOf, fixture, outcomesOf, withSession } from '../support.js';

for (const strategy of [threadPool, processPool]) {
  it(`${strategy.name} opens with a time limit that is shorter than the start of a worker`, async () => {
    await withSession(strategy, fixture('queue-task'), { timeoutMs: 5 }, async (session) => {
      assert.equal((await session.members()).engines.length, 2);
      await outcomesOf(session, documentsOf(['plain', 'plain', 'plain']), 3);
    });
  });
}

it('thread-pool keeps the order of documents that may be cancelled among others that may not', async () => {
  const documents = documentsOf(Array.from({ length: 30 }, (_, i) => `size${i}`));
  await withSession(threadPool, fixture('odd-task'), { workers: 1 }, async (session) => {
    const order: number[] = [];
    const cancellable = (index: number) => index >= 10 && index % 3 === 1;
    await session.run(documents, ({ index }) => void order.push(index), { cancellable });
    assert.deepEqual(
      order,
      documents.map(({ index }) => index),
    );
  });
});

it('thread-pool goes on after a document whose run has thrown, at once or later', {
  timeout: 60_000,
}, async () => {
  const ids = ['unended', 'size', 'unended-later', 'size', 'unended', 'size'];
  for (const perWorker of [1, 2])
    await withSession(threadPool, fixture('odd-task'), { workers: 1, perWorker }, async (session) => {
      const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
      for (const { id, status } of outcomes) assert.equal(status, id === 'size' ? 'ok' : 'crashed', id);
    });
});

it('a call counts from when a worker that is ready has it, and is ended once', async () => {
  const call = new LimitedCall(40, null);
  const ends: number[] = [];
  call.asked = { timeout: (ms) => ends.push(ms) };
  const child = { ready: false, exitCode: null, signalCode: null };
  const workers = [
    { worker: null, processing: {} },
    { worker: child, processing: { 7: { options: call } } },
  ] as unknown as readonly PoolWorker[];
  const watch = new CallWatch(() => workers, 1e6);
  try {
    const later = () => new Promise((resolve) => setTimeout(resolve, 60));
    watch.look();
    await later();
    watch.look();
    assert.ok(isStarting(workers));
    child.ready = true;
    assert.ok(!isStarting(workers));
    watch.look();
    assert.deepEqual(ends, [], 'the start does not count');
    await later();
    watch.look();
    watch.look();
    assert.deepEqual(ends, [0]);
  } finally {
    watch.close();
  }
});

it('turns let a limited number run, in order, also after a failure', async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends: ((cause?: Error) => void)[] = [];
  const runs = Array.from({ length: 5 }, (_, i) =>
    turns.run(
      () =>
        new Promise<number>((resolve, reject) => {
          begun.push(i);
          ends[i] = (cause) => (cause === undefined ? resolve(i) : reject(cause));
        }),
    ),
  );
  const turn = () => new Promise(setImmediate);
  await turn();
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.(new Error('no'));
  await assert.rejects(runs[1] as Promise<number>, /no/);
  await turn();
  assert.deepEqual(begun, [0, 1, 2]);
  for (const i of [0, 2, 3, 4]) {
    ends[i]?.();
    assert.equal(await runs[i], i);
    await turn();
  }
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
});

it('turns wait for as many places as work needs, and stopped work never begins', async () => {
  const turns = new Turns(2);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const work = (name: string) => () => {
    begun.push(name);
    return new Promise<void>((resolve) => void ends.push(resolve));
  };
  const stop = new Stop();
  const runs = [turns.run(work('one')), turns.run(work('both'), 2), turns.run(work('stopped'), 2, stop)];
  runs.push(turns.run(work('last')));
  stop.abort();
  await assert.rejects(runs[2] as Promise<void>, /too long|cancelled/);
  assert.deepEqual(begun, ['one'], 'the last waits behind the one that needs both places');
  for (const name of ['both', 'last']) {
    ends.shift()?.();
    await new Promise(setImmediate);
    assert.equal(begun.at(-1), name);
  }
  ends.shift()?.();
  await Promise.all([runs[0], runs[1], runs[3]]);
});
