import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import {
  createRunner,
  type InputDocument,
  type Runner,
  type RunnerOptions,
  strategies,
} from '../../index.js';
import { RunnerClosedError } from '../../runner/runner.js';
import { SessionRunner } from '../../runner/session-runner.js';
import { guarded } from '../../strategies/session/session.js';
import { alone, type Outcome, type Session } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { alive, descendants, until } from '../processes.js';
import { fixture } from '../support.js';

const odd = new URL(fixture('odd-task').url);
const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const document = (id: string, size = 10): InputDocument => ({ id, bytes: new Uint8Array(size).fill(1) });
const documents = (count: number, id = 'size', size = 10) =>
  Array.from({ length: count }, (_, i) => document(`${id}${i}`, size));

async function collect(outcomes: AsyncIterable<Outcome>): Promise<Outcome[]> {
  const all: Outcome[] = [];
  for await (const outcome of outcomes) all.push(outcome);
  return all;
}

async function withRunner(
  options: Partial<RunnerOptions>,
  use: (runner: Runner) => Promise<void>,
): Promise<void> {
  const runner = await createRunner({ task: odd, strategy: 'self-scheduling', workers: 2, ...options });
  try {
    await use(runner);
  } finally {
    await runner.close();
  }
}

/** A session that the test controls: it pulls as far as it may, and answers when the test says so. */
class Puppet {
  readonly pulled: Document[] = [];
  runs = 0;
  closes = 0;
  /** True when documents are answered at once. */
  readonly #prompt: boolean;
  readonly #most: number;
  readonly #taskMs: number;
  #emit: (outcome: Outcome) => void | Promise<void> = () => {};
  #answered = 0;
  #count = 0;
  #wake = () => {};
  #failure: Error | null = null;
  readonly session: Session;

  constructor({ prompt = false, most = Number.POSITIVE_INFINITY, taskMs = 0.1 } = {}) {
    this.#taskMs = taskMs;
    this.#prompt = prompt;
    this.#most = most;
    this.session = guarded({
      run: (source, emit) => this.#run(source, emit),
      members: async () => alone,
      close: async () => void this.closes++,
    });
  }

  runner(workers = 1): SessionRunner {
    return new SessionRunner(this.session, { strategy: 'puppet', workers, delivery: 'none', see: () => {} });
  }

  async #run(
    source: Iterable<Document> | AsyncIterable<Document>,
    emit: (outcome: Outcome) => void | Promise<void>,
  ): Promise<void> {
    this.runs++;
    this.#emit = emit;
    for await (const next of source) {
      this.pulled.push(next);
      this.#count++;
      if (this.#prompt) this.ok(next);
      while (this.#count - this.#answered >= this.#most && this.#failure === null) await this.#change();
      if (this.#failure !== null) throw this.#failure;
    }
    while (this.#answered < this.#count && this.#failure === null) await this.#change();
    if (this.#failure !== null) throw this.#failure;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  ok({ index, id }: Document): void {
    this.#answer({
      index,
      id,
      worker: 'thread-1',
      queuedMs: 1,
      taskMs: this.#taskMs,
      status: 'ok',
      value: id,
    });
  }

  crash({ index, id }: Document, attempts?: number): void {
    const error = { name: 'Error', message: 'ended', ...(attempts !== undefined && { attempts }) };
    this.#answer({ index, id, worker: null, queuedMs: null, taskMs: null, status: 'crashed', error });
  }

  fail(): void {
    this.#failure = new Error('strategy broken');
    this.#wake();
  }

  #answer(outcome: Outcome): void {
    this.#answered++;
    this.#emit(outcome);
    this.#wake();
  }
}

/** Until nothing more happens by itself. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

describe('every strategy', () => {
  for (const { name } of strategies) {
    it(`${name}: streams, single documents and failures beside each other`, async () => {
      await withRunner({ strategy: name }, async (runner) => {
        const [plain, ordered, singles] = await Promise.all([
          collect(runner.process(documents(300))),
          collect(
            runner.process(
              (async function* () {
                for (const one of documents(200)) yield await Promise.resolve(one);
              })(),
              { ordered: true },
            ),
          ),
          Promise.all([...documents(20), document('throw'), document('later')].map((one) => runner.run(one))),
        ]);
        assert.deepEqual(
          plain.map(({ index, id }) => `${index} ${id}`).sort(),
          documents(300)
            .map(({ id }, index) => `${index} ${id}`)
            .sort(),
        );
        assert.deepEqual(
          ordered.map(({ index }) => index),
          Array.from({ length: 200 }, (_, i) => i),
        );
        assert.deepEqual(
          singles.map(({ id, status }) => `${id} ${status}`),
          [...documents(20).map(({ id }) => `${id} ok`), 'throw failed', 'later ok'],
        );
        const { outcomes, inFlight, queued, bytes } = runner.stats();
        assert.deepEqual({ ...outcomes }, { ok: 521, failed: 1, 'timed-out': 0, crashed: 0 });
        assert.deepEqual({ inFlight, queued, bytes }, { inFlight: 0, queued: 0, bytes: 5220 });
      });
    });
  }

  for (const strategy of ['sequential', 'async', 'self-scheduling', 'queue']) {
    it(`${strategy} finishes a source that never waits, over many turns of the event loop`, async () => {
      await withRunner({ strategy }, async (runner) => {
        const count = 100_000;
        const one = document('size');
        const source = function* () {
          for (let i = 0; i < count; i++) yield one;
        };
        let ok = 0;
        for await (const { status } of runner.process(source())) if (status === 'ok') ok++;
        assert.equal(ok, count);
      });
    });
  }

  it('sends small views of large buffers alone: a clone takes all that a view is a view of', async () => {
    const view = new Uint8Array(1 << 20).subarray(5, 8);
    await withRunner({ strategy: 'thread-pool', workers: 1 }, async (runner) => {
      const outcome = await runner.run({ id: 'view', bytes: view });
      assert.equal(outcome.status, 'failed'); // the task knows no such name
      const bytes = await runner.run({ id: 'bytes', bytes: view });
      assert.deepEqual(bytes.status === 'ok' && (bytes.value as Uint8Array).buffer.byteLength, 3);
    });
  });
});

describe('room', () => {
  const room = 3072; // one source may have this number of documents ahead, at one worker

  /** Documents without end that count how many were pulled. */
  function endless(size = 1) {
    const state = { pulled: 0, returned: false };
    const bytes = new Uint8Array(size);
    function* source() {
      try {
        for (;;) yield { id: `d${state.pulled++}`, bytes };
      } finally {
        state.returned = true;
      }
    }
    async function* later() {
      yield* source();
    }
    return { state, source, later };
  }

  for (const kind of ['source', 'later'] as const) {
    it(`is bounded by number while no outcome is taken (${kind})`, async () => {
      const { state, ...sources } = endless();
      const puppet = new Puppet({ prompt: true });
      const runner = puppet.runner();
      const outcomes = runner.process(sources[kind]());
      await outcomes.next();
      await until(() => state.pulled >= room); // a turn of the event loop comes in between now and then
      await settled();
      assert.ok(state.pulled <= room + 2, `${state.pulled}`);
      // The source goes on when half of the outcomes are taken, and not before.
      for (let i = 0; i < room / 2 - 2; i++) await outcomes.next();
      await settled();
      assert.ok(state.pulled <= room + 2, `${state.pulled}`);
      for (let i = 0; i < 10; i++) await outcomes.next();
      await until(() => state.pulled > room + room / 4);
      // The runner is free for others all the while.
      assert.equal((await runner.run(document('other'))).status, 'ok');
      await outcomes.return();
      assert.equal(state.returned, true);
      await runner.close();
    });

    it(`is bounded by bytes, but for what keeps the workers busy (${kind})`, async () => {
      const { state, ...sources } = endless(20 * 2 ** 20);
      const puppet = new Puppet();
      const runner = puppet.runner(2);
      const known = runner.run(document('a'));
      await settled();
      puppet.ok(puppet.pulled.shift() as Document);
      await known; // tasks are short
      const outcomes = runner.process(sources[kind]());
      void outcomes.next();
      await settled();
      assert.equal(puppet.pulled.length, 8); // they have 160 MiB, more than 32, but are four per worker
      assert.ok(state.pulled <= 9);
      for (const one of puppet.pulled) puppet.ok(one);
      await outcomes.next();
      await settled();
      assert.ok(state.pulled > 9); // two were taken
      for (const one of puppet.pulled.slice(8)) puppet.ok(one);
      await outcomes.return();
      await runner.close();
    });
  }

  it('is a second of work, so that a drain is soon over', async () => {
    for (const { taskMs, documents } of [
      { taskMs: 10, documents: 300 },
      { taskMs: 5000, documents: 12 },
    ]) {
      const { state, source } = endless();
      const puppet = new Puppet({ prompt: true, taskMs });
      const runner = puppet.runner(3);
      const outcomes = runner.process(source());
      await outcomes.next();
      await settled();
      assert.ok(Math.abs(state.pulled - documents) <= 1, `${state.pulled}`);
      await outcomes.return();
      await runner.close();
    }
  });

  it('holds what an ordered source keeps back, too', async () => {
    const { state, source } = endless();
    const puppet = new Puppet();
    const runner = puppet.runner();
    const outcomes = runner.process(source(), { ordered: true });
    const first = outcomes.next();
    await settled();
    assert.equal(puppet.pulled.length, 4); // until it is known how long tasks take
    for (let i = 1; i < puppet.pulled.length; i++) {
      puppet.ok(puppet.pulled[i] as Document);
      await turn();
    }
    assert.equal(state.pulled, room);
    puppet.ok(puppet.pulled[0] as Document);
    assert.equal((await first).value?.index, 0);
    for (let i = 1; i < room; i++) assert.equal((await outcomes.next()).value?.index, i);
    await settled();
    assert.ok(state.pulled > room);
    for (const one of puppet.pulled.slice(room)) puppet.ok(one);
    await outcomes.return();
    await runner.close();
  });
});

describe('a caller that stops', () => {
  it('breaking off ends the pulling, and the work of others goes on', async () => {
    let returned = 0;
    const source = (function* () {
      try {
        for (let i = 0; ; i++) yield document(`size${i}`);
      } finally {
        returned++;
      }
    })();
    await withRunner({}, async (runner) => {
      const others = collect(runner.process(documents(2000)));
      for await (const outcome of runner.process(source)) if (outcome.index >= 0) break;
      assert.equal(returned, 1);
      assert.equal((await others).length, 2000);
    });
  });

  it('an abort is reported at once, whatever is under way, and other callers go on', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    const stop = new AbortController();
    const outcomes = runner.process(documents(10), { signal: stop.signal });
    const first = outcomes.next();
    await settled();
    stop.abort(new Error('enough'));
    await assert.rejects(first, /enough/);
    const other = runner.run(document('other'));
    await settled();
    for (const one of puppet.pulled) puppet.ok(one);
    assert.equal((await other).id, 'other');
    await assert.rejects(runner.process(documents(1), { signal: stop.signal }).next(), /enough/);
    await runner.close();
  });

  it('a source that never gives anything is given up by break, abort, drain and close', async () => {
    const never = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<InputDocument>>(() => {}) }),
    });
    const puppet = new Puppet();
    const runner = puppet.runner();
    const returned = runner.process(never());
    const waiting = returned.next();
    await settled();
    assert.deepEqual(await returned.return(), { done: true, value: undefined });
    assert.deepEqual(await waiting, { done: true, value: undefined });
    const drained = runner.process(never()).next();
    await settled();
    await Promise.all([assert.rejects(drained, RunnerClosedError), runner.drain()]);
    const other = new Puppet().runner();
    const closed = other.process(never()).next();
    await settled();
    await Promise.all([assert.rejects(closed, RunnerClosedError), other.close()]);
  });

  it('a generator that was never begun pulls nothing and holds up nothing', async () => {
    const runner = new Puppet({ prompt: true }).runner();
    let pulled = 0;
    runner.process(
      (function* () {
        pulled++;
        yield document('a');
      })(),
    );
    assert.equal((await runner.run(document('b'))).status, 'ok');
    await runner.drain();
    assert.equal(pulled, 0);
  });
});

describe('sources that fail', () => {
  for (const ordered of [false, true]) {
    it(`throw behind the outcomes of what they gave, ordered ${ordered}`, async () => {
      const failing = {
        *now() {
          yield* documents(5);
          throw new Error('disk gone');
        },
        async *later() {
          yield* documents(5);
          throw new Error('disk gone');
        },
        async *wrong() {
          yield* documents(5);
          yield 'disk gone' as unknown as InputDocument;
        },
      };
      const runner = new Puppet({ prompt: true }).runner();
      for (const source of [failing.now(), failing.later(), failing.wrong()]) {
        const got: number[] = [];
        await assert.rejects(async () => {
          for await (const { index } of runner.process(source, { ordered })) got.push(index);
        }, /disk gone/);
        assert.deepEqual(got, [0, 1, 2, 3, 4]);
      }
      assert.equal((await runner.run(document('after'))).status, 'ok');
      await runner.close();
    });
  }

  it('what is no document is a TypeError that says what one looks like', async () => {
    const runner = new Puppet({ prompt: true }).runner();
    const wrong = (value: unknown) => runner.run(value as InputDocument);
    await assert.rejects(
      wrong('./a.md'),
      /expected a document like \{ id, bytes \}, got the string ".\/a.md"; for a path, give/,
    );
    await assert.rejects(wrong(new Uint8Array(1)), /its bytes alone/);
    await assert.rejects(wrong({ id: 1, bytes: 'x' }), /whose id is a number and whose bytes are a string/);
    await assert.rejects(wrong(undefined), /got undefined/);
    assert.throws(() => runner.process(5 as never), /expected an iterable/);
    await runner.close();
  });

  it('a source may itself ask the runner', async () => {
    const runner = new Puppet({ prompt: true }).runner();
    const asked: Promise<Outcome>[] = [];
    const outcomes = await collect(
      runner.process(
        (function* () {
          yield document('first');
          asked.push(runner.run(document('inner')));
        })(),
      ),
    );
    assert.equal(outcomes.length, 1);
    assert.equal((await asked[0])?.id, 'inner');
    await runner.close();
  });
});

describe('documents that crash', () => {
  it('are not run again, by their id, while other documents go on', async () => {
    await withRunner({ strategy: 'self-scheduling' }, async (runner) => {
      const first = await runner.run(document('exit'));
      assert.deepEqual([first.status, first.status !== 'ok' && first.error.attempts], ['crashed', 2]);
      const [again, fine] = await Promise.all([runner.run(document('exit')), runner.run(document('size'))]);
      assert.match(
        again.status === 'crashed' ? again.error.message : '',
        /has ended 2 workers of this session and is not run again/,
      );
      assert.equal(fine.status, 'ok');
      const stream = await collect(
        runner.process([document('size1'), document('exit'), document('size2')], { ordered: true }),
      );
      assert.deepEqual(
        stream.map(({ index, status }) => [index, status]),
        [
          [0, 'ok'],
          [1, 'crashed'],
          [2, 'ok'],
        ],
      );
      assert.equal(runner.stats().outcomes.crashed, 3);
    });
  });

  it('workers that were given up get another chance: a storm is not for ever', async () => {
    await withRunner({ strategy: 'self-scheduling', workers: 1 }, async (runner) => {
      const outcomes = await collect(runner.process(documents(14, 'exit')));
      assert.ok(outcomes.every(({ status }) => status === 'crashed'));
      assert.ok(
        outcomes.some((outcome) => outcome.status === 'crashed' && outcome.error.attempts === undefined),
      );
      assert.equal((await runner.run(document('size'))).status, 'ok');
    });
  });

  it('are not run again while others are under way, either', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    const first = Promise.all([runner.run(document('poison')), runner.run(document('long'))]);
    await settled();
    const [poison, long] = puppet.pulled as [Document, Document];
    puppet.crash(poison, 2);
    assert.equal((await runner.run(document('poison'))).status, 'crashed');
    assert.deepEqual([puppet.runs, puppet.pulled.length], [1, 2]);
    puppet.ok(long);
    await first;
    await runner.close();
  });

  it('begin another run when nothing is under way, or when no worker is left', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    const ask = async (id: string) => {
      const outcome = runner.run(document(id));
      await settled();
      return { outcome, at: puppet.pulled.at(-1) as Document };
    };
    const [a, b] = [await ask('a'), await ask('b')];
    puppet.crash(a.at, 1);
    await settled();
    const c = await ask('c');
    assert.equal(puppet.runs, 1); // b is under way
    puppet.ok(b.at);
    puppet.ok(c.at);
    await settled();
    const d = await ask('d');
    assert.equal(puppet.runs, 2);
    const e = await ask('e');
    puppet.crash(d.at);
    await settled();
    const f = runner.run(document('f'));
    await settled();
    assert.equal(puppet.pulled.at(-1)?.id, 'e'); // it waits for the next run
    puppet.ok(e.at);
    await settled();
    assert.equal(puppet.runs, 3);
    puppet.ok(puppet.pulled.at(-1) as Document);
    assert.equal((await f).id, 'f');
    await runner.close();
  });
});

describe('the end', () => {
  it('drain gives accepted documents their outcomes, and reports where a source was cut short', async () => {
    const puppet = new Puppet({ most: 8 });
    const runner = puppet.runner();
    const got: Outcome[] = [];
    const cut = assert.rejects(
      async () => {
        for await (const outcome of runner.process(documents(100))) got.push(outcome);
      },
      (error: Error) => error instanceof RunnerClosedError && /is draining/.test(error.message),
    );
    const whole = collect(runner.process([document('only')]));
    const singles = Array.from({ length: 10 }, (_, i) => runner.run(document(`single${i}`)));
    await settled();
    assert.ok(runner.stats().queued > 0);
    let over = false;
    const drained = runner.drain().then(() => {
      over = true;
    });
    await assert.rejects(runner.run(document('late')), RunnerClosedError);
    await assert.rejects(runner.process(documents(1)).next(), RunnerClosedError);
    const pulledFromSource = () => puppet.pulled.filter(({ id }) => id.startsWith('size')).length;
    const before = pulledFromSource();
    for (let i = 0; i < puppet.pulled.length; i++) {
      assert.equal(over, false);
      puppet.ok(puppet.pulled[i] as Document);
      await settled();
    }
    await Promise.all([drained, cut]);
    assert.equal((await Promise.all(singles)).length, 10);
    assert.equal(pulledFromSource(), before);
    assert.equal(got.length, before);
    assert.equal((await whole).length, 1);
    assert.equal(puppet.closes, 1);
    await runner.drain();
    await runner.close();
    assert.equal(puppet.closes, 1);
  });

  it('close lets what is under way finish, and fails what waits', async () => {
    const puppet = new Puppet({ most: 1 });
    const runner = puppet.runner();
    const [first, second] = [runner.run(document('a')), runner.run(document('b'))];
    second.catch(() => {});
    await settled();
    const closed = runner.close();
    await assert.rejects(second, RunnerClosedError);
    await settled();
    puppet.ok(puppet.pulled[0] as Document);
    await closed;
    assert.equal((await first).status, 'ok');
  });

  it('close with `now` ends tasks that never do, also after a close or drain that waits', async () => {
    for (const wait of ['close', 'drain'] as const) {
      await withRunner({ strategy: 'process-pool', workers: 1 }, async (runner) => {
        const hung = runner.run(document('loop'));
        const waiting = runner[wait]();
        await settled();
        await runner.close({ now: true });
        assert.equal((await hung).status, 'crashed');
        await waiting;
      });
    }
    await until(() => descendants(process.pid).every((pid) => !alive(pid)));
  });

  it('a strategy that breaks fails every caller, and none waits', async () => {
    const puppet = new Puppet({ most: 2 });
    const runner = puppet.runner();
    const waiting = [
      runner.run(document('a')),
      runner.run(document('b')),
      runner.run(document('c')),
      collect(runner.process(documents(3))),
      collect(
        runner.process(
          (async function* () {
            yield document('x');
            await new Promise(() => {});
          })(),
        ),
      ),
    ];
    const all = Promise.allSettled(waiting);
    await settled();
    puppet.fail();
    for (const result of await all)
      assert.match(String(result.status === 'rejected' && result.reason), /strategy broken/);
    await assert.rejects(runner.run(document('d')), /strategy broken/);
    await runner.drain();
  });

  it('its signal closes it', async () => {
    const stop = new AbortController();
    const runner = await createRunner({ task: odd, strategy: 'sequential', workers: 1, signal: stop.signal });
    assert.equal((await runner.run(document('size'))).status, 'ok');
    stop.abort();
    await assert.rejects(runner.run(document('size')), RunnerClosedError);
    await runner.close();
    await assert.rejects(
      createRunner({ task: odd, strategy: 'sequential', workers: 1, signal: stop.signal }),
      /aborted/,
    );
  });

  it('`await using` closes it', async () => {
    let seen: Runner;
    {
      await using runner = await createRunner({ task: odd, strategy: 'thread-pool', workers: 1 });
      seen = runner;
      assert.equal((await runner.run(document('size'))).status, 'ok');
    }
    await assert.rejects(seen.run(document('size')), RunnerClosedError);
  });
});

it('gives every document of every caller one outcome, whatever they do', async () => {
  const caller = fc.record({
    documents: fc.nat(60),
    later: fc.boolean(),
    ordered: fc.boolean(),
    /** The caller leaves after this number of outcomes. */
    stay: fc.option(fc.nat(20), { nil: null }),
    slow: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(caller, { minLength: 1, maxLength: 5 }),
      fc.nat(20),
      fc.integer({ min: 1, max: 9 }),
      async (callers, calls, most) => {
        const puppet = new Puppet({ most });
        const runner = puppet.runner();
        let answered = 0;
        let over = false;
        const served = (async () => {
          while (!over) {
            await turn();
            // Documents in progress are answered, the last one first.
            const inHand = puppet.pulled.slice(answered);
            answered += inHand.length;
            for (const one of inHand.reverse()) puppet.ok(one);
          }
        })();
        const streams = callers.map(async ({ documents: count, later, ordered, stay, slow }, c) => {
          const list = documents(count, `${c}-`);
          const source = later
            ? (async function* () {
                for (const one of list) {
                  if (one.id.endsWith('7')) await turn();
                  yield one;
                }
              })()
            : list;
          const got: Outcome[] = [];
          for await (const outcome of runner.process(source, { ordered })) {
            got.push(outcome);
            if (slow) await turn();
            if (got.length === stay) break;
          }
          assert.equal(got.length, stay === null || stay === 0 ? count : Math.min(stay, count));
          for (const { index, id } of got) assert.equal(id, `${c}-${index}`);
          const indexes = got.map(({ index }) => index);
          assert.equal(new Set(indexes).size, got.length);
          if (ordered)
            assert.deepEqual(
              indexes,
              [...indexes].sort((a, b) => a - b),
            );
        });
        const singles = documents(calls, 'call').map(async (one) =>
          assert.equal((await runner.run(one)).id, one.id),
        );
        await Promise.all([...streams, ...singles]);
        await runner.drain();
        over = true;
        await served;
        const { inFlight, queued, outcomes } = runner.stats();
        assert.deepEqual([inFlight, queued], [0, 0]);
        assert.equal(outcomes.ok, puppet.pulled.length);
      },
    ),
    { numRuns: 60 },
  );
});
