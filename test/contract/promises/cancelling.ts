import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { RunnerClosedError } from '../../../runner/runner.js';
import { SessionRunner } from '../../../runner/session-runner.js';
import { cancelGrace } from '../../../strategies/session/cancelling.js';
import type { OpenOptions, Outcome, Strategy } from '../../../strategies/strategy.js';
import { until } from '../../processes.js';
import { document } from '../../runner/puppet.js';
import { fixture, longWithParts } from '../../support.js';

const reason = new Error('the client has gone');
/** A task that does not end costs as much CPU time as it has grace. */
const graceMs = 100;
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i}`);

interface OpenTest {
  readonly setupMs?: number;
  readonly graceMs?: number;
}

/** This tests how a strategy cancels single documents, as the runner asks it to. */
export function describeCancelling(strategy: Strategy): void {
  const rest = longWithParts(strategy);
  const ends = strategy.isolation !== 'none';

  describe(`${strategy.name}: cancelling`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
    after(() => rmSync(folder, { recursive: true, force: true }));
    let opened = 0;

    /** Opens a runner over the strategy. `began` gives the documents that have begun so far. */
    const open = async (
      { setupMs = 0, graceMs = cancelGrace.ms, ...options }: Partial<OpenOptions> & OpenTest,
      use: (runner: SessionRunner, began: () => string[]) => Promise<void>,
    ) => {
      const log = join(folder, `${++opened}.log`);
      const [delivery] = strategy.deliveries;
      const usualMs = cancelGrace.ms;
      cancelGrace.ms = graceMs;
      const all = { workers: 1, delivery, ...options };
      const session = await strategy.open(fixture('cancel-task', { log, setupMs }), all);
      const runner = new SessionRunner(session, { strategy: strategy.name, ...all, see: () => {} });
      try {
        await use(runner, () => readFileSync(log, 'utf8').split('\n').filter(Boolean));
      } finally {
        await runner.close({ now: true });
        cancelGrace.ms = usualMs;
      }
    };
    const count = (began: readonly string[], id: string) => began.filter((one) => one === id).length;
    const isRejected = (promise: Promise<Outcome>) => assert.rejects(promise, (cause) => cause === reason);
    /** Resolves when the session has nothing more of the cancelled documents. */
    const isIdle = (runner: SessionRunner) => until(() => runner.stats().inFlight === 0);

    it('a running document hears its signal at once, and waiting ones never begin', async () => {
      await open({}, async (runner, began) => {
        const first = await runner.run(document('size'));
        const stop = new AbortController();
        const ids = ['until', ...numbered('size', 20)];
        const rejected = ids.map((id) => isRejected(runner.run(document(id), stop)));
        const stays = runner.run(document('size-stays'));
        await until(() => began().includes('until'));
        stop.abort(reason);
        await Promise.all(rejected);
        assert.equal((await stays).status, 'failed', 'the task does not know it, and it ran');
        const last = await runner.run(document('size'));
        assert.equal(last.status, 'ok');
        assert.equal(last.worker, first.worker, 'a task that ends keeps its worker');
        assert.deepEqual(began(), ['setup', 'size', 'until', 'size-stays', 'size']);
        const { cancelled, outcomes, queued } = runner.stats();
        assert.deepEqual([cancelled, outcomes.ok, outcomes.failed, queued], [21, 2, 1, 0]);
        await isIdle(runner);
        assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
      });
    });

    it('cancels many at once, each alone, and no other', rest, async () => {
      await open({ workers: strategy.scales ? 2 : 1 }, async (runner) => {
        const shared = new AbortController();
        const own = numbered('', 150).map(() => new AbortController());
        const rejected = own.map((stop, i) => isRejected(runner.run(document(`wait${i}`), stop)));
        const kept: Promise<Outcome>[] = [];
        for (let i = 0; i < 150; i++) {
          rejected.push(isRejected(runner.run(document(`size${i}`), shared)));
          kept.push(runner.run(document(`size${i}`, i)));
        }
        await wait(20);
        shared.abort(reason);
        for (const stop of own) stop.abort(reason);
        await Promise.all(rejected);
        const values = (await Promise.all(kept)).map((one) => (one.status === 'ok' ? one.value : one.error));
        assert.deepEqual(
          values,
          kept.map((_, i) => i),
        );
        await isIdle(runner);
        const { cancelled, outcomes } = runner.stats();
        assert.deepEqual([cancelled, outcomes.ok], [300, 150]);
        for (const { signal } of [shared, ...own]) assert.equal(getEventListeners(signal, 'abort').length, 0);
      });
    });

    it('during close: documents that wait fail as ever, and one that runs is cancelled', rest, async () => {
      await open({ graceMs }, async (runner, began) => {
        const stop = new AbortController();
        const running = isRejected(runner.run(document(ends ? 'spin' : 'until'), stop));
        await until(() => began().length > 1);
        const waits = Promise.allSettled(numbered('size', 8).map((id) => runner.run(document(id), stop)));
        const closed = runner.close();
        stop.abort(reason);
        await running;
        for (const one of await waits) {
          assert.ok(one.status === 'rejected');
          assert.ok(one.reason === reason || one.reason instanceof RunnerClosedError);
        }
        await closed;
        assert.equal(began().filter((id) => id !== 'setup').length, 1, 'no waiting document began');
        assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
      });
    });

    if (!ends) {
      it('nothing can be ended: the promise rejects at once, and the result is dropped', async () => {
        await open({}, async (runner, began) => {
          const stop = new AbortController();
          const rejected = isRejected(runner.run(document('wait'), stop));
          await until(() => began().includes('wait'));
          stop.abort(reason);
          await rejected;
          assert.equal(runner.stats().inFlight, 1, 'the task still runs');
          assert.equal((await runner.run(document('size'))).status, 'ok');
          await isIdle(runner);
          assert.deepEqual(runner.stats().outcomes, { ok: 1, failed: 0, 'timed-out': 0, crashed: 0 });
        });
      });
      return;
    }

    /** Cancels a task that does not end, in front of documents of this size. */
    const endsIt = (id: string, options: Partial<OpenOptions>, size: number) =>
      open({ ...options, graceMs }, async (runner, began) => {
        const stop = new AbortController();
        const rejected = [id, 'never'].map((id) => isRejected(runner.run(document(id, size), stop)));
        const kept = numbered('size', 10).map((id) => runner.run(document(id, size)));
        await until(() => began().includes(id));
        stop.abort(reason);
        await Promise.all(rejected);
        for (const outcome of await Promise.all(kept)) assert.equal(outcome.status, 'ok', outcome.id);
        assert.deepEqual([count(began(), id), count(began(), 'never')], [1, 0]);
        const { cancelled, outcomes } = runner.stats();
        assert.deepEqual([cancelled, outcomes], [2, { ok: 10, failed: 0, 'timed-out': 0, crashed: 0 }]);
      });

    it('ends the worker of a task that does not end', () => endsIt('spin', {}, 10));

    it('ends the worker of a task that does not end and has a time limit', rest, () =>
      endsIt('deaf', { timeoutMs: 60_000 }, 3_000_000),
    );

    it('counts no attempt for the others on the worker, however often it is ended', rest, async () => {
      await open({ setupMs: 300, graceMs }, async (runner, began) => {
        const stops = numbered('spin', 2).map((id) => ({ id, stop: new AbortController() }));
        // It has run twice when it ends its worker, if its outcome was lost with each killed worker.
        const kept = [runner.run(document('third'))];
        for (const { id, stop } of stops) {
          const setups = count(began(), 'setup');
          // The documents before it have just ended, and may not be reported yet; the one after it waits.
          const rejected = isRejected(runner.run(document(id), stop));
          kept.push(runner.run(document('size')));
          await until(() => began().includes(id));
          stop.abort(reason);
          await rejected;
          await until(() => count(began(), 'setup') > setups);
        }
        for (const outcome of await Promise.all(kept)) assert.equal(outcome.status, 'ok');
        await isIdle(runner);
        const { cancelled, outcomes } = runner.stats();
        assert.deepEqual([cancelled, outcomes], [2, { ok: 3, failed: 0, 'timed-out': 0, crashed: 0 }]);
      });
    });

    it('ends the worker of a document that has ended another one before', rest, async () => {
      await open({ graceMs }, async (runner, began) => {
        const stop = new AbortController();
        const rejected = isRejected(runner.run(document('again'), stop));
        const kept = runner.run(document('size'));
        await until(() => count(began(), 'again') === 2);
        stop.abort(reason);
        await rejected;
        await isIdle(runner);
        assert.equal((await kept).status, 'ok');
        assert.equal((await runner.run(document('size'))).status, 'ok');
        assert.equal(count(began(), 'again'), 2);
        assert.deepEqual(runner.stats().outcomes, { ok: 2, failed: 0, 'timed-out': 0, crashed: 0 });
      });
    });

    it('a document whose worker is starting never begins', rest, async () => {
      await open({ setupMs: 400 }, async (runner, began) => {
        const stop = new AbortController();
        const setups = count(began(), 'setup');
        const rejected = isRejected(runner.run(document('exit'), stop));
        await until(() => began().includes('exit'));
        await until(() => count(began(), 'setup') > setups);
        stop.abort(reason);
        await rejected;
        assert.equal((await runner.run(document('size'))).status, 'ok');
        await isIdle(runner);
        assert.equal(count(began(), 'exit'), 1, 'it does not run again');
        assert.deepEqual(runner.stats().outcomes, { ok: 1, failed: 0, 'timed-out': 0, crashed: 0 });
      });
    });
  });
}
