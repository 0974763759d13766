import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OpenOptions, Outcome, Strategy } from '../../../strategies/strategy.js';
import { documentsOf, fixture, longWithSameWorker, outcomesOf, withSession } from '../../support.js';

let unique = 0;

/** This tests what a strategy's tasks have for the services that they call. */
export function describeServices(strategy: Strategy): void {
  const rest = longWithSameWorker(strategy);
  describe(`${strategy.name}: services`, () => {
    const run = (task: string, ids: readonly string[], options: Partial<OpenOptions> = {}) =>
      withSession(strategy, fixture(task), options, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
    const numbered = (deed: string, count: number) => Array.from({ length: count }, (_, i) => `${deed}${i}`);
    /** What each task does for itself is the same with one worker, which starts sooner than two. */
    const one = { workers: 1 };
    const retry = { attempts: 3, budget: 3, firstMs: 5 };
    /** Some strategies run their tasks in this process, which remembers how often a document was tried. */
    const own = (id: string) => `${id}${unique++}`;

    it(
      'gives a document a key of its own, which is the same in another session of the run',
      rest,
      async () => {
        const ids = ['key1', 'key2', 'key33'];
        const keys = (await run('odd-task', ids, { ...one, runId: 'run 7' })).map(valueIn);
        const again = await run('odd-task', [...ids].reverse(), { ...one, runId: 'run 7' });
        assert.deepEqual(again.map(valueIn), [...keys].reverse());
        assert.equal(new Set(keys).size, ids.length);
        for (const key of keys) assert.match(String(key), /^run%207-[\w.-]+$/);
      },
    );

    for (const [deed, tasks, when] of [
      ['call', 'that wait for it', {}],
      ['plain', 'that know nothing of it', rest],
    ] as const)
      it(`keeps a limit over all workers, with tasks ${tasks}`, when, async () => {
        const outcomes = await run('service-task', numbered(deed, 9), {
          limits: [{ requests: 3, per: '250ms' }],
        });
        assertWindows(outcomes, 3, 250);
      });

    // Sessions between machines open slowly, and use the same limiter.
    const isNear = strategy.isolation !== 'machine';
    it('keeps a limit of tokens beside one of requests', { skip: !isNear || rest.skip }, async () => {
      const outcomes = await run('service-task', numbered('tokens', 6), {
        limits: [
          { requests: 100, per: '1s' },
          { tokens: 100, per: '250ms' },
        ],
      });
      assertWindows(outcomes, 2, 250);
    });

    it('lets a task without limits go on that has read its signal before', {
      ...rest,
      timeout: 30_000,
    }, async () => {
      // A promise alone does not keep the process alive, and the runner would call the test cancelled.
      const alive = setInterval(() => {}, 1000);
      const outcomes = await run('service-task', numbered('listen', 2), one).finally(() =>
        clearInterval(alive),
      );
      assert.deepEqual(outcomes.map(valueIn), ['done', 'done']);
    });

    it('lets all workers wait after a refusal', rest, async () => {
      await withSession(strategy, fixture('service-task'), {}, async (session) => {
        const [refused] = await outcomesOf(session, documentsOf(['refuse']), 1);
        await new Promise((resolve) => setTimeout(resolve, 100)); // the word is on its way
        const outcomes = await outcomesOf(session, documentsOf(numbered('call', 4)), 4);
        for (const outcome of outcomes)
          assert.ok(timeIn(outcome) >= timeIn(refused as Outcome) + 399, 'the service asked for 0.4 s');
        assert.deepEqual(session.refusals, { requests: 1, closedMs: 400, limits: ['9 requests'] });
      });
    });

    it('gives documents that fail for good another value, and the error beside it', rest, async () => {
      // Nothing contains the end of a process on the caller's own thread.
      const ids = strategy.isolation === 'none' ? ['plain', 'broken'] : ['plain', 'broken', 'exit'];
      const outcomes = await run('service-task', ids, { ...one, fallback: { value: { title: null } } });
      const [plain, ...others] = outcomes;
      assert.equal(plain?.status === 'ok' && plain.fallback, undefined);
      for (const outcome of others) {
        assert.ok(outcome.status === 'ok' && outcome.fallback);
        assert.deepEqual(outcome.value, { title: null });
        assert.ok(outcome.error !== undefined && outcome.error.message.length > 0);
      }
      const computed = await run('service-task', ['broken'], {
        ...one,
        fallback: ({ message }, { id }) => [id, message],
      });
      assert.deepEqual(computed.map(valueIn), [['broken', 'not worth another try']]);
    });

    it('tries a document again whose failure the task marks, or the rule names', rest, async () => {
      const ids = ['flaky', 'reset', 'status', 'reads', 'hopeless', 'broken'];
      const rule = { ...retry, codes: ['ECONNRESET'], statuses: [502] };
      const outcomes = await run('service-task', ids.map(own), { ...one, retry: rule });
      const found = Object.fromEntries(
        outcomes.map(({ index, status, tries, waitedMs }) => [
          ids[index],
          [status, tries, (waitedMs ?? 0) > 0],
        ]),
      );
      assert.deepEqual(found, {
        flaky: ['ok', 2, true],
        reset: ['ok', 2, true],
        status: ['ok', 2, true],
        reads: ['ok', 2, true],
        hopeless: ['failed', 3, true],
        broken: ['failed', undefined, false],
      });
      const reads = outcomes[3] as Outcome;
      assert.equal(valueIn(reads), 97 + 3, 'the second try begins with the bytes of the first');
    });

    it('has a time limit for each try, and none while it waits', rest, async () => {
      const tries: unknown[] = [];
      // A busy machine may delay the worker's answer to the abort beyond 100 ms, which ends the worker.
      while (tries.length < 5 && tries.at(-1) !== 2) {
        const outcomes = await run('service-task', [own('hangs')], {
          ...one,
          timeoutMs: 600, // a worker that waits says so every 50 ms, which a busy machine delays too
          retry: { ...retry, jitter: 0, firstMs: 1000, codes: ['TimeoutError'] },
        });
        tries.push(outcomes[0]?.status === 'ok' ? outcomes[0].tries : outcomes);
      }
      assert.equal(tries.at(-1), 2, JSON.stringify(tries));
    });

    it('does not try more documents again than the budget of all workers allows', {
      skip: !isNear || rest.skip,
    }, async () => {
      const outcomes = await run('service-task', numbered('hopeless', 20), {
        retry: { ...retry, budget: 0.1 },
      });
      const tries = outcomes.reduce((sum, { tries = 1 }) => sum + tries, 0);
      assert.ok(tries > 20 && tries <= 22, `${tries} tries of 20 documents`);
    });
  });
}

/** Asserts that no window of this length has more than `max` of the times. */
function assertWindows(outcomes: readonly Outcome[], max: number, windowMs: number): void {
  const times = outcomes.map(timeIn).sort((a, b) => a - b);
  for (let i = max; i < times.length; i++)
    assert.ok(
      (times[i] as number) - (times[i - max] as number) > windowMs,
      `${max + 1} requests in ${windowMs} ms: ${times.map((ms) => Math.round(ms - (times[0] as number)))}`,
    );
}

function timeIn(outcome: Outcome): number {
  const value = valueIn(outcome);
  assert.equal(typeof value, 'number', JSON.stringify(outcome));
  return value as number;
}

function valueIn(outcome: Outcome): unknown {
  return outcome.status === 'ok' ? outcome.value : outcome;
}
