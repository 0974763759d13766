import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OpenOptions, Outcome, Session, SideChannel, Strategy } from '../../../strategies/strategy.js';
import type { Document } from '../../../workloads/workload.js';
import { documentsOf, fixture, longWithParts, outcomesOf, withSession } from '../../support.js';

const values = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => (outcome.status === 'ok' ? outcome.value : outcome.status));
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i}`);

interface Request {
  readonly id: string;
  readonly waits?: true;
  readonly never?: true;
  readonly first?: true;
}

/** This tests the side channel of a strategy, and the signals of its documents. */
export function describeSideChannel(strategy: Strategy): void {
  const rest = longWithParts(strategy);
  describe(`${strategy.name}: side channel`, () => {
    const open = <T>(options: Partial<OpenOptions>, use: (session: Session) => Promise<T>) =>
      withSession(strategy, fixture('channel-task'), options, use);
    /**
     * A channel whose answers are the requests' ids, and a promise of the n-th request that says it waits.
     */
    const waiting = (count: number) => {
      let all = () => {};
      const arrived = new Promise<void>((resolve) => {
        all = resolve;
      });
      let left = count;
      const channel: SideChannel = {
        onRequest: (request) => {
          if ((request as Request).never) return new Promise(() => {});
          if ((request as Request).waits && --left === 0) all();
          return (request as Request).id;
        },
      };
      return { channel, arrived };
    };

    it('answers every request, each to the task that asked', async () => {
      const workers = new Set<string>();
      let requests = 0;
      const channel: SideChannel = {
        onRequest: async (request, { worker }) => {
          requests++;
          workers.add(worker);
          if (requests % 7 === 0) await new Promise(setImmediate);
          return (request as Request).id;
        },
      };
      const ids = [...numbered('ask', 150), ...numbered('many', 4)];
      await open({ channel }, async (session) => {
        const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
        assert.deepEqual(
          values(outcomes),
          ids.map((id) => (id.startsWith('many') ? 50 : id)),
        );
        for (const { worker } of outcomes) assert.ok(workers.has(worker as string), `${worker} asked`);
      });
      assert.equal(requests, 350);
    });

    it('rejects what the caller refuses, what cannot be cloned, and what has no answer', rest, async () => {
      const channel: SideChannel = {
        onRequest: (request) => {
          if (request === 'refuse') throw new RangeError('no more');
          return 'answer';
        },
      };
      await open({ channel, workers: 1 }, async (session) => {
        const outcomes = await outcomesOf(session, documentsOf(['ask-refused', 'ask-function', 'ask']), 3);
        assert.deepEqual(values(outcomes), ['RangeError: no more', 'DataCloneError', 'answer']);
        assert.throws(() => session.broadcast(() => {}), { name: 'DataCloneError' });
      });
      await open({ workers: 1 }, async (session) => {
        const [outcome] = await outcomesOf(session, documentsOf(['ask']), 1);
        assert.match(outcome?.status === 'failed' ? outcome.error.message : '', /no `channel\.onRequest`/);
      });
    });

    it('brings a broadcast to every task that waits, at once', rest, async () => {
      const { channel, arrived } = waiting(strategy.scales ? 2 : 1);
      await open({ channel }, async (session) => {
        const ids = strategy.scales ? ['hear0', 'hear1'] : ['hear0'];
        const outcomes = outcomesOf(session, paused(documentsOf(ids)), ids.length);
        await arrived;
        session.broadcast({ level: 3 });
        assert.deepEqual(
          values(await outcomes),
          ids.map(() => ({ level: 3 })),
        );
      });
    });

    it('keeps the latest broadcast for the tasks that follow, also on a new worker', rest, async () => {
      await open({}, async (session) => {
        const run = (ids: string[]) => outcomesOf(session, documentsOf(ids), ids.length).then(values);
        assert.deepEqual(await run(numbered('plain', 4)), [100, 100, 100, 100]);
        assert.deepEqual(await run(['latest']), [null]);
        session.broadcast('a');
        session.broadcast('b');
        assert.deepEqual(await run(numbered('latest', 6)), ['b', 'b', 'b', 'b', 'b', 'b']);
      });
    });

    it('passes no request on after close, and rejects pending ones', rest, async () => {
      let requests = 0;
      let closed = false;
      const { arrived, channel } = waiting(1);
      const counted: SideChannel = {
        onRequest(request, from) {
          assert.equal(closed, false, 'no request comes after close');
          requests++;
          if ((request as Request).never) void channel.onRequest?.({ id: '', waits: true }, from);
          return channel.onRequest?.(request, from);
        },
      };
      const session = await strategy.open(fixture('channel-task'), {
        workers: 2,
        delivery: strategy.deliveries[0],
        channel: counted,
      });
      const outcomes: Outcome[] = [];
      const run = session.run(documentsOf(['ask-forever']), (outcome) => void outcomes.push(outcome));
      await arrived;
      await session.close({ now: true });
      closed = true;
      await run;
      assert.equal(requests, 1);
      const [outcome] = outcomes;
      // A worker that is ended at once may end before it reads that its request was rejected.
      if (strategy.isolation === 'none')
        assert.match(String(outcome?.status === 'ok' && outcome.value), /session was closed/);
      else assert.ok(outcome?.status === 'crashed' || outcome?.status === 'ok', outcome?.status);
      assert.throws(() => session.broadcast('late'), /closed/);
    });

    it('a signal is its document’s own', rest, async () => {
      await open({}, async (session) => {
        const outcomes = await outcomesOf(session, documentsOf(numbered('signals-differ', 6)), 6);
        const counts = values(outcomes).map(Number);
        assert.ok(Math.max(...counts) >= 6 / (strategy.isolation === 'none' ? 1 : 2), `${counts}`);
      });
    });

    it(
      'a signal aborts when the time is over, and a task that ends then keeps its worker',
      rest,
      async () => {
        await open({ timeoutMs: 700, workers: 1 }, async (session) => {
          const first = await outcomesOf(session, documentsOf(['plain']), 1);
          const [late] = await outcomesOf(session, documentsOf(['until-aborted']), 1);
          const after = await outcomesOf(session, documentsOf(['plain']), 1);
          assert.equal(late?.status === 'timed-out' && late.error.name, 'TimeoutError');
          assert.deepEqual(values(after), [100]);
          assert.equal(after[0]?.worker, first[0]?.worker, 'the same worker');
        });
      },
    );

    it('a signal aborts when the run is cancelled, and not in the next run', rest, async () => {
      const { channel, arrived } = waiting(1);
      await open({ channel, workers: 1 }, async (session) => {
        const stop = new AbortController();
        const outcomes: Outcome[] = [];
        const emit = (outcome: Outcome) => void outcomes.push(outcome);
        const run = session.run(documentsOf(['until-cancelled', 'until-aborted']), emit, {
          signal: stop.signal,
        });
        await arrived;
        stop.abort(new Error('enough'));
        await assert.rejects(run, /enough/);
        assert.ok(outcomes.length >= 1);
        assert.ok(
          values(outcomes).every((value) => value === 'AbortError'),
          JSON.stringify(outcomes),
        );
        assert.deepEqual(values(await outcomesOf(session, documentsOf(['ask']), 1)), ['ask']);
      });
    });

    if (strategy.isolation !== 'none') {
      it('a worker may die with a request: its document asks again', rest, async () => {
        let deaths = 0;
        const channel: SideChannel = {
          onRequest: (request) => {
            const { id, never, first } = request as Request;
            if (first) return ++deaths === 1;
            return never ? new Promise(() => {}) : id;
          },
        };
        await open({ channel }, async (session) => {
          const ids = ['ask-and-exit', ...numbered('ask', 40)];
          const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
          assert.deepEqual(values(outcomes), ['second', ...numbered('ask', 40)]);
        });
        assert.ok(deaths >= 2, `${deaths}`);
      });
    }
  });
}

/** Gives one document a turn, so that a strategy which batches documents spreads them. */
async function* paused(documents: readonly Document[]): AsyncGenerator<Document> {
  for (const document of documents) {
    yield document;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
