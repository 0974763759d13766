import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStrategy } from '../../runner/open-strategy.js';
import { decodeBatch } from '../../strategies/broker/batch-blob.js';
import { connectBullmq } from '../../strategies/broker/bullmq.js';
import { Caller } from '../../strategies/broker/caller.js';
import { type Engine, RunLost, type TakenBatch, type Taking } from '../../strategies/broker/engine.js';
import { startRedis } from '../../strategies/broker/own-redis.js';
import { encodeMessage, type Results, type RunCard, version } from '../../strategies/broker/protocol.js';
import { Cancelled } from '../../strategies/session/cancelling.js';
import { CallerEnd } from '../../strategies/session/side-channel.js';
import type { Outcome } from '../../strategies/strategy.js';
import { noRedis, testRedis } from '../redis.js';
import { documentsOf, fixture } from '../support.js';

/** These tests play the agent themselves, so that they decide when an agent answers, lies or ends. */

const lockMs = 300;
const sweepMs = 100;

function cardOf(run: string): RunCard {
  const task = { name: 'none', options: {}, code: { workload: 'none' } };
  return { version, run, task, takesReferences: false, lockMs, sweepMs };
}

/** Answers each document with its id, unless the test wants something else. */
class StandIn {
  readonly engine: Engine;
  readonly agent: string;
  #taking: Taking | null = null;
  /** Batches that this agent got. */
  readonly taken: TakenBatch[] = [];

  constructor(engine: Engine, agent: string) {
    this.engine = engine;
    this.agent = agent;
  }

  static async join(
    url: string,
    run: string,
    agent: string,
    work: (standIn: StandIn, taken: TakenBatch) => Promise<void> = (standIn, taken) => standIn.answer(taken),
  ): Promise<StandIn> {
    const standIn = new StandIn(await connectBullmq({ url, side: 'agent', run }), agent);
    const hello = { host: 'here', pid: 1, workers: 1, credit: 2, strategy: 'none' };
    await standIn.engine.post(encodeMessage({ kind: 'hello', agent, ...hello }));
    standIn.#taking = await standIn.engine.take({
      credit: 2,
      wantsMore: () => true,
      lockMs,
      sweepMs,
      work: (taken) => {
        standIn.taken.push(taken);
        return work(standIn, taken);
      },
    });
    return standIn;
  }

  async answer({ batch, blob, lost }: TakenBatch, part = { from: 0, last: true }): Promise<void> {
    if (blob === null) {
      await this.engine.post(encodeMessage({ kind: 'no-documents', agent: this.agent, batch }));
      return;
    }
    const documents = decodeBatch(blob).documents.map(({ id }, position) => ({ id, position }));
    const reported = documents.slice(part.from);
    const results: Results = {
      kind: 'results',
      agent: this.agent,
      batch,
      lost,
      last: part.last,
      rows: {
        positions: reported.map(({ position }) => position),
        names: ['worker'],
        workers: reported.map(() => 0),
        taskMs: reported.map(() => 1),
        values: reported.map(({ id }) => id),
        failures: [],
        reads: null,
        served: [],
      },
    };
    await this.engine.post(encodeMessage(results));
  }

  async leave(): Promise<void> {
    await this.#taking?.stop();
    await this.engine.close({ remove: false });
  }

  /** Ends as a process that was killed does: its locks run out. */
  async die(): Promise<void> {
    await this.#taking?.abandon();
    await this.engine.close({ remove: false });
  }
}

async function openCaller(url: string, run: string): Promise<{ caller: Caller; engine: Engine }> {
  const engine = await connectBullmq({ url, side: 'caller', run });
  const left = await engine.announce(cardOf(run), null);
  return { caller: new Caller(engine, new CallerEnd(), { left, takesReferences: false }), engine };
}

async function outcomesOf(caller: Caller, ids: readonly string[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await caller.run(
    documentsOf(ids),
    (outcome) => {
      assert.equal(outcomes[outcome.index], undefined, `two outcomes for ${outcome.id}`);
      outcomes[outcome.index] = outcome;
    },
    new Cancelled(),
  );
  return outcomes;
}

function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `document-${i}`);
}

function assertAnswered(outcomes: readonly Outcome[], ids: readonly string[]): void {
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'ok' ? outcome.value : outcome.error)),
    ids,
  );
}

describe('the caller of a broker', { skip: noRedis() }, () => {
  const redis = testRedis();

  it('gives each document its outcome over several passes, and leaves no key', async () => {
    const { caller } = await openCaller(redis.url, 'passes');
    const agents = [
      await StandIn.join(redis.url, 'passes', 'one'),
      await StandIn.join(redis.url, 'passes', 'two'),
    ];
    for (const count of [0, 1, 300]) assertAnswered(await outcomesOf(caller, idsOf(count)), idsOf(count));
    const passes = agents.flatMap(({ taken }) =>
      taken.map(({ blob }) => decodeBatch(blob as Uint8Array).pass),
    );
    assert.deepEqual([...new Set(passes)].sort(), [2, 3]);
    for (const agent of agents) await agent.leave();
    await caller.close();
    await sleep(2 * sweepMs);
    assert.deepEqual(await redis.inspect.keys('*'), []);
  });

  it('runs the batches of an agent that died elsewhere, and drops what it reports later', async () => {
    const { caller } = await openCaller(redis.url, 'zombie');
    const silent = await StandIn.join(redis.url, 'zombie', 'silent', async (standIn, taken) => {
      // It reports the second half of its first batch, then nothing.
      if (standIn.taken.length === 1) await standIn.answer(taken, { from: 1, last: false });
      await new Promise(() => {});
    });
    const ids = idsOf(20);
    const running = outcomesOf(caller, ids);
    while (silent.taken.length < 2) await sleep(5);
    await silent.die();
    const second = await StandIn.join(redis.url, 'zombie', 'second');
    assertAnswered(await running, ids);
    assert.ok(second.taken.some(({ lost }) => lost === 1));
    assert.ok(caller.redelivered >= 2);
    const before = caller.duplicates;
    const late = new StandIn(await connectBullmq({ url: redis.url, side: 'agent', run: 'zombie' }), 'silent');
    await late.answer(silent.taken[0] as TakenBatch);
    while (caller.duplicates === before) await sleep(5);
    await late.leave();
    await second.leave();
    await caller.close();
  });

  it('lets agents look for lost batches after the keys of a run were renewed', async () => {
    const looked = 'forkwise:{renewed}:batches:stalled-check';
    await redis.inspect.set(looked, '1', 'PX', 10_000); // an agent has looked just now
    const { caller } = await openCaller(redis.url, 'renewed'); // renews
    assert.ok((await redis.inspect.pttl(looked)) <= 10_000);
    assert.ok((await redis.inspect.pttl('forkwise:{renewed}:card')) > 10_000);
    await caller.close();
  });

  it('leaves no connection behind when it is closed while it connects', async () => {
    const connections = async () =>
      String(await redis.inspect.client('LIST'))
        .trim()
        .split('\n').length;
    const before = await connections();
    const engine = await connectBullmq({ url: redis.url, side: 'caller', run: 'at once' });
    await engine.announce(cardOf('at once'), null);
    const receiving = engine.receive(60_000);
    await Promise.all([assert.rejects(receiving, RunLost), engine.close({ remove: true })]);
    while ((await connections()) > before) await sleep(5);
  });

  it('leaves no documents of a batch that was settled while it was added again', async () => {
    const engine = await connectBullmq({ url: redis.url, side: 'caller', run: 'again' });
    await engine.announce(cardOf('again'), null);
    const large = new Uint8Array(200_000);
    await Promise.all([engine.add(0, large), engine.settle({ receipts: [], batches: [0] })]);
    assert.equal(await redis.inspect.exists('forkwise:{again}:batch:0', 'forkwise:{again}:batches:b0'), 0);
    await engine.close({ remove: true });
    assert.deepEqual(await redis.inspect.keys('forkwise:{again}*'), []);
  });

  it('sends documents again that the broker has lost', async () => {
    const { caller } = await openCaller(redis.url, 'lost');
    const ids = idsOf(3);
    const running = outcomesOf(caller, ids);
    while ((await redis.inspect.unlink('forkwise:{lost}:batch:0')) === 0) await sleep(1);
    const agent = await StandIn.join(redis.url, 'lost', 'one');
    assertAnswered(await running, ids);
    assert.equal(agent.taken.filter(({ blob }) => blob === null).length, 1);
    await agent.leave();
    await caller.close();
  });

  it('takes over what a caller that was killed has left', async () => {
    const first = await openCaller(redis.url, 'taken over');
    const ids = idsOf(40);
    void first.caller.run(documentsOf(ids), () => new Promise(() => {}), new Cancelled()).catch(() => {});
    const agent = await StandIn.join(redis.url, 'taken over', 'one');
    while (agent.taken.length < 3) await sleep(5);
    first.caller.fail(new Error('killed'));
    await first.engine.close({ remove: false });
    const ran = new Set(
      agent.taken.flatMap(({ blob }) => decodeBatch(blob as Uint8Array).documents.map(({ id }) => id)),
    );
    const second = await openCaller(redis.url, 'taken over');
    const rest = ids.slice(2); // the first caller may have written two before it was killed
    assertAnswered(await outcomesOf(second.caller, rest), rest);
    const all = agent.taken.flatMap(({ blob }) =>
      decodeBatch(blob as Uint8Array).documents.map(({ id }) => id),
    );
    assert.equal(all.length, new Set(all).size, 'no document ran twice');
    assert.ok(ran.size > 0);
    await agent.leave();
    await second.caller.close();
  });

  it('removes a run that is given up before an agent has joined', async () => {
    const giveUp = async () => {
      const stop = new AbortController();
      const broker = { url: redis.url, run: 'given up', stop: stop.signal };
      const opening = openStrategy('broker', fixture('odd-task'), { broker });
      opening.catch(() => {});
      while ((await redis.inspect.exists('forkwise:{given up}:down')) === 0) await sleep(5);
      stop.abort();
      await assert.rejects(opening, /ended before an agent had joined/);
    };
    await giveUp();
    assert.deepEqual(await redis.inspect.keys('*'), []);
    const { caller, engine } = await openCaller(redis.url, 'given up');
    void outcomesOf(caller, idsOf(1)).catch(() => {});
    while ((await redis.inspect.exists('forkwise:{given up}:batch:0')) === 0) await sleep(5);
    caller.fail(new Error('killed'));
    await engine.close({ remove: false });
    await giveUp();
    assert.equal(await redis.inspect.exists('forkwise:{given up}:batch:0'), 1, 'another caller wants it');
    await redis.inspect.flushall();
  });

  it('waits for a broker that is full', async () => {
    const full = await startRedis({ maxMemoryMb: 8 });
    const { caller } = await openCaller(full.url, 'full');
    const agent = await StandIn.join(full.url, 'full', 'one', async (standIn, taken) => {
      await sleep(5);
      await standIn.answer(taken);
    });
    const ids = idsOf(60);
    const outcomes: Outcome[] = [];
    const documents = documentsOf(ids, 400_000);
    await caller.run(documents, (outcome) => void outcomes.push(outcome), new Cancelled());
    assert.equal(outcomes.length, ids.length);
    assert.ok(outcomes.every(({ status }) => status === 'ok'));
    await agent.leave();
    await caller.close();
    await full.close();
  });

  it('survives the loss of every connection', async () => {
    const { caller } = await openCaller(redis.url, 'cut');
    const agent = await StandIn.join(redis.url, 'cut', 'one', async (standIn, taken) => {
      if (standIn.taken.length % 10 === 5)
        await redis.inspect.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await standIn.answer(taken);
    });
    const ids = idsOf(600);
    assertAnswered(await outcomesOf(caller, ids), ids);
    await agent.leave();
    await caller.close();
  });

  it('rejects with one error when the broker has lost the run', async () => {
    const { caller } = await openCaller(redis.url, 'flushed');
    const running = outcomesOf(caller, idsOf(3));
    running.catch(() => {});
    while ((await redis.inspect.exists('forkwise:{flushed}:batch:0')) === 0) await sleep(1);
    await redis.inspect.flushall();
    await assert.rejects(running, RunLost);
    await caller.close();
  });
});
