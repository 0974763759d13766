import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Member } from '../../agent/member.js';
import { openStrategy } from '../../runner/open-strategy.js';
import { encodeBatch } from '../../strategies/broker/batch-blob.js';
import { BlobBuffers } from '../../strategies/broker/blob-buffers.js';
import {
  type BatchMark,
  type Engine,
  type Received,
  RunLost,
  type TakeOptions,
} from '../../strategies/broker/engine.js';
import {
  decodeMessage,
  encodeMessage,
  type FromAgent,
  type ResultRows,
  type RunCard,
  type ToAgent,
  version,
} from '../../strategies/broker/protocol.js';
import { documentsOf, fixture } from '../support.js';

/** A broker for one agent, in this process. */
class FakeBroker implements Engine {
  readonly posted: FromAgent[] = [];
  readonly marks: BatchMark[] = [];
  /** Batches whose memory the agent has given back. */
  readonly freed: number[] = [];
  isLost = false;
  #options!: TakeOptions;
  readonly #messages: ToAgent[] = [];
  #wake = () => {};

  async take(options: TakeOptions) {
    this.#options = options;
    return { look() {}, stop: async () => {}, abandon: async () => {} };
  }

  /** Gives the agent a batch. Resolves when it is done. */
  give(
    batch: number,
    ids: readonly string[],
    { lost = 0, mark = null as BatchMark | null, first = 0, cancellable = false, pass = 1 } = {},
  ): Promise<void> {
    const documents = documentsOf(ids).map((document) => ({ ...document, index: first + document.index }));
    return this.#options.work({
      batch,
      blob:
        ids.length === 0
          ? null
          : encodeBatch(documents, { pass, mayCancel: () => cancellable, buffers: new BlobBuffers() }),
      free: () => void this.freed.push(batch),
      lost,
      mark,
      leaveMark: async (mark) => void this.marks.push(mark),
    });
  }

  say(message: ToAgent['message'], to: string | null = null): void {
    this.#messages.push({ to, message });
    this.#wake();
  }

  async post(message: Uint8Array): Promise<boolean> {
    this.posted.push(decodeMessage<FromAgent>(message));
    return true;
  }

  async receive(): Promise<Received[]> {
    if (this.#messages.length === 0 && !this.isLost)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.isLost) throw new RunLost();
    return this.#messages.splice(0).map((message) => ({ receipt: '', message: encodeMessage([message]) }));
  }

  lose(): void {
    this.isLost = true;
    this.#wake();
  }

  runs = async () => [];
  close = async () => {};
  announce = async () => [];
  add = async () => {};
  settle = async () => {};

  /** The results of a batch, in the order in which they were posted. */
  results(batch: number): ResultRows[] {
    return this.posted.flatMap((message) =>
      message.kind === 'results' && message.batch === batch ? [message.rows] : [],
    );
  }

  lastOf(batch: number): boolean[] {
    return this.posted.flatMap((message) =>
      message.kind === 'results' && message.batch === batch ? [message.last] : [],
    );
  }
}

const card: RunCard = {
  version,
  run: 'run',
  task: { name: 'odd-task', options: {}, code: { workload: 'odd-task' } },
  takesReferences: false,
  lockMs: 5000,
  sweepMs: 1500,
};

async function joined(
  use: (broker: FakeBroker, member: Member) => Promise<void>,
  { strategy = 'queue', task = 'odd-task', workers = 2 } = {},
): Promise<FakeBroker> {
  const broker = new FakeBroker();
  const member = await Member.join({
    engine: broker,
    card,
    hello: { agent: 'a', host: 'h', pid: 1, workers, credit: 3, strategy },
    open: (channel) => openStrategy(strategy, fixture(task), { workers, channel }),
    copyViews: false,
    counts: {
      outcomes: { ok: 0, failed: 0, 'timed-out': 0, crashed: 0 },
      redelivered: 0,
      heardMs: 0,
    },
  });
  try {
    await use(broker, member);
  } finally {
    await member.end();
    await member.left;
  }
  return broker;
}

const statuses = ({ positions, failures }: ResultRows) =>
  positions.map((_, place) => failures.find(({ at }) => at === place)?.result.status ?? 'ok');

it('posts the results of a batch before it is done, and says hello and goodbye', async () => {
  const { posted } = await joined(async (broker) => {
    let done = false;
    const batch = broker.give(7, ['size0', 'throw1', 'size2'], { first: 100 }).then(() => {
      done = true;
      assert.deepEqual(broker.lastOf(7), [true]);
    });
    await batch;
    assert.ok(done);
    assert.deepEqual(broker.freed, [7]);
    const [rows] = broker.results(7);
    assert.ok(rows !== undefined);
    const byPosition = [...rows.positions].sort();
    assert.deepEqual(byPosition, [0, 1, 2]);
    assert.deepEqual(statuses(rows)[rows.positions.indexOf(1)], 'failed');
  });
  assert.deepEqual([posted[0]?.kind, posted.at(-1)?.kind], ['hello', 'bye']);
});

it('reports what is done of a batch that takes long, each document once', async () => {
  await joined(async (broker, member) => {
    const never = broker.give(1, ['size0', 'never1']);
    void never;
    while (broker.results(1).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual([broker.results(1)[0]?.positions, broker.lastOf(1)], [[0], [false]]);
    await member.end();
    assert.equal(broker.results(1).length, 1);
  });
});

it('runs the documents of a batch that was lost one by one, each behind a mark', async () => {
  await joined(async (broker) => {
    await broker.give(1, ['size0', 'exit1', 'size2'], { lost: 1 });
    assert.deepEqual(
      broker.results(1).map((rows) => [rows.positions, statuses(rows)]),
      [
        [[0], ['ok']],
        [[1], ['crashed']],
        [[2], ['ok']],
      ],
    );
    assert.deepEqual(broker.lastOf(1), [false, false, true]);
    assert.deepEqual(
      broker.marks,
      [0, 1, 2].map((position) => ({ position, tries: 1 })),
    );
  });
});

it('gives a document up that has ended two agents while it ran alone, and goes on behind it', async () => {
  await joined(async (broker) => {
    await broker.give(1, ['size0', 'size1', 'size2'], { lost: 2, mark: { position: 1, tries: 1 } });
    assert.deepEqual(broker.marks[0], { position: 1, tries: 2 });
    assert.deepEqual(broker.results(1).map(statuses), [['ok'], ['ok']]);
    await broker.give(2, ['size0', 'size1', 'size2'], {
      lost: 3,
      mark: { position: 1, tries: 2 },
      first: 10,
    });
    const [crashed, after] = broker.results(2);
    assert.deepEqual([crashed?.positions, after?.positions], [[1], [2]]);
    const [failure] = crashed?.failures ?? [];
    assert.equal(failure?.result.status, 'crashed');
    assert.equal(failure?.result.error.attempts, 2);
    await broker.give(3, ['size0'], { lost: 3, mark: { position: 0, tries: 2 }, first: 20 });
    assert.deepEqual(broker.lastOf(3), [true]);
  });
});

it('runs nothing beside a batch that was lost', async () => {
  await joined(async (broker) => {
    const order: string[] = [];
    const note = (what: string) => () => void order.push(what);
    await Promise.all([
      broker.give(1, ['later0', 'later1']).then(note('before')),
      broker.give(2, ['later0', 'size1'], { lost: 1, first: 10 }).then(note('lost')),
      broker.give(3, ['size0'], { first: 20 }).then(note('after')),
    ]);
    assert.deepEqual(order, ['before', 'lost', 'after']);
  });
});

it('runs a batch once that it gets again while it has it', async () => {
  await joined(async (broker) => {
    await Promise.all([broker.give(1, ['later0']), broker.give(1, ['later0'], { lost: 1 })]);
    assert.equal(broker.results(1).length, 1);
  });
});

it('tells the caller when a batch has no documents', async () => {
  await joined(async (broker) => {
    await broker.give(1, []);
    assert.equal(broker.posted.at(-1)?.kind, 'no-documents');
  });
});

it('carries requests of tasks to the caller, answers to the tasks, and reports its usage', async () => {
  await joined(
    async (broker) => {
      const batch = broker.give(1, ['ask']);
      const asked = () => broker.posted.find(({ kind }) => kind === 'ask');
      while (asked() === undefined) await new Promise(setImmediate);
      const ask = asked();
      assert.ok(ask?.kind === 'ask' && ask.request.kind === 'ask');
      broker.say({ kind: 'answer', id: ask.request.id, answer: 'for another' }, 'another agent');
      broker.say({ kind: 'answer', id: ask.request.id, answer: 'yes' }, 'a');
      await batch;
      assert.deepEqual(broker.results(1)[0]?.values, ['yes']);
      broker.say({ kind: 'report', id: 3 });
      const report = () => broker.posted.find(({ kind }) => kind === 'report');
      while (report() === undefined) await new Promise(setImmediate);
      const found = report();
      assert.ok(found?.kind === 'report' && found.id === 3);
      assert.equal(found.members?.processes[0]?.pid, process.pid);
    },
    { task: 'channel-task' },
  );
});

it('cancels a document when the caller says so', async () => {
  await joined(async (broker) => {
    const batch = broker.give(1, ['never0'], { first: 5, cancellable: true });
    broker.say({ kind: 'drop', pass: 0, index: 5 }); // another document
    broker.say({ kind: 'drop', pass: 1, index: 5 });
    await batch;
    assert.equal(broker.results(1).length, 1);
    assert.deepEqual(broker.freed, [], 'its bytes may still be read');
  });
});

it('leaves when the caller ends the run, and when the broker has lost it', async () => {
  await joined(async (broker, member) => {
    broker.say({ kind: 'end', now: false });
    assert.deepEqual(await member.left, { why: 'over' });
  });
  await joined(async (broker, member) => {
    broker.lose();
    assert.deepEqual(await member.left, { why: 'over' });
  });
});

it('tells the caller why it cannot open a session', async () => {
  const broker = new FakeBroker();
  const joining = Member.join({
    engine: broker,
    card,
    hello: { agent: 'a', host: 'h', pid: 1, workers: 1, credit: 3, strategy: 'queue' },
    open: () => openStrategy('thread-pool', fixture('odd-task', { failSetup: true })),
    copyViews: false,
    counts: { outcomes: { ok: 0, failed: 0, 'timed-out': 0, crashed: 0 }, redelivered: 0, heardMs: 0 },
  });
  await assert.rejects(joining, /no database/);
  const [failed] = broker.posted;
  assert.ok(failed?.kind === 'failed' && /no database/.test(failed.error.message));
});
