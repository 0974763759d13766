import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { maxDeathsWithoutResult } from '../../../strategies/session/attempts.js';
import type { Outcome, Strategy } from '../../../strategies/strategy.js';
import { documentsOf, errorOf, fixture, longWithParts, outcomesOf, withSession } from '../../support.js';

/** Tests what happens when workers end. Strategies without isolation have none that can end. */
export function describeDeaths(strategy: Strategy): void {
  if (strategy.isolation === 'none') return;
  const rest = longWithParts(strategy);
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  describe(`${strategy.name}: workers that end`, () => {
    it('ends a task that computes for too long, and lets all others finish', async () => {
      const ids = Array.from({ length: 60 }, (_, i) => (i === 10 ? `loop${i}` : `size${i}`));
      await withSession(strategy, fixture('odd-task'), { timeoutMs: 1000 }, async (session) => {
        const warnings = await warningsDuring(async () => {
          const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
          for (const { id, status } of outcomes)
            assert.equal(status, id.startsWith('loop') ? 'timed-out' : 'ok', id);
        });
        assert.deepEqual(warnings, [], 'an outcome shows why the worker ended');
        const again = await outcomesOf(session, documentsOf(['size1', 'size2']), 2);
        assert.deepEqual(
          again.map(({ status }) => status),
          ['ok', 'ok'],
        );
      });
    });

    it('counts no start of a worker as the time of a document', { ...rest, timeout: 60_000 }, async () => {
      const marker = mkdtempSync(join(folder, 'start-'));
      const ids = Array.from({ length: 24 }, (_, i) =>
        i === 3 ? 'block3' : i === 11 ? 'exit-once11' : `size${i}`,
      );
      const task = fixture('odd-task', { marker, setupMs: 1200 });
      const outcomes = await withSession(strategy, task, { timeoutMs: 700 }, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
      for (const { id, status } of outcomes) assert.equal(status, id === 'block3' ? 'timed-out' : 'ok', id);
    });

    it('runs a document once more whose worker has ended', async () => {
      const marker = mkdtempSync(join(folder, 'once-'));
      const ids = Array.from({ length: 40 }, (_, i) => (i === 22 ? `exit-once${i}` : `size${i}`));
      const documents = [...documentsOf(ids), ...documentsOf(['exit-once40', 'size41'], 5_000_000)];
      const ends = await warningsDuring(async () => {
        const outcomes = await withSession(strategy, fixture('odd-task', { marker }), {}, (session) =>
          outcomesOf(
            session,
            documents.map((document, index) => ({ ...document, index })),
            documents.length,
          ),
        );
        for (const { id, status } of outcomes) assert.equal(status, 'ok', id);
      });
      assert.equal(ends.length, 1, 'the reason, which no outcome has, is said once');
      assert.match(ends[0] as string, /code:? 3/);
    });

    it('brings large results whole when a worker ends in the middle of one', rest, async () => {
      const marker = mkdtempSync(join(folder, 'bulk-'));
      const ids = Array.from({ length: 12 }, (_, i) => (i === 5 ? 'bulk-once5' : `bulk${i}`));
      const outcomes = await withSession(strategy, fixture('odd-task', { marker }), {}, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
      for (const outcome of outcomes) {
        const { index, id } = outcome;
        assert.equal(outcome.status, 'ok', id);
        const bytes = new Uint8Array(2_000_000).fill(index);
        const rest = { rest: { value: 'survived' } };
        assert.deepEqual(outcome.value, { index, bytes, ...(id === 'bulk-once5' && rest) }, id);
      }
    });

    it(
      'says which error has ended a worker, and puts a document into quarantine that has ended two',
      rest,
      async () => {
        const marker = mkdtempSync(join(folder, 'count-'));
        await withSession(strategy, fixture('odd-task', { marker }), {}, async (session) => {
          const ids = ['size1', 'uncaught2', 'size3'];
          const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
          const [first, second, third] = outcomes as [Outcome, Outcome, Outcome];
          assert.deepEqual([first.status, second.status, third.status], ['ok', 'crashed', 'ok']);
          const error = errorOf(second);
          assert.match(`${error.name}: ${error.message}`, /RangeError: no code waits for this$/);

          for (let run = 0; run < 3; run++) {
            const outcomes = await outcomesOf(session, documentsOf(['size1', 'exit-count2', 'size3']), 3);
            assert.deepEqual(
              outcomes.map(({ status }) => status),
              ['ok', 'crashed', 'ok'],
            );
          }
          const runs = readdirSync(marker).length;
          assert.ok(runs >= 2 && runs <= strategy.maxRuns, `it ran ${runs} times`);
        });
      },
    );

    it('stops replacing workers that do no work, and gives every document its outcome', rest, async (t) => {
      const marker = mkdtempSync(join(folder, 'storm-'));
      // Each death costs the start of a worker. The agents of a broker keep the usual number.
      const usual = maxDeathsWithoutResult.count;
      maxDeathsWithoutResult.count = 4;
      t.after(() => {
        maxDeathsWithoutResult.count = usual;
      });
      const ids = Array.from({ length: 300 }, (_, i) => `exit-count${i}`);
      const task = fixture('odd-task', { marker });
      await withSession(strategy, task, { workers: 1 }, async (session) => {
        const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
        for (const { id, status } of outcomes) assert.equal(status, 'crashed', id);
        assert.match(JSON.stringify(outcomes.at(-1)), /in a row ended before any document was done/);
        assert.ok(readdirSync(marker).length < 150, `${readdirSync(marker).length} workers were ended`);
        const [again] = await outcomesOf(session, documentsOf(['size1']), 1);
        assert.equal(again?.status, 'ok', 'another run, another chance');
      });
    });

    it(
      'gives every document one outcome when workers exit, and warns of no end that it shows',
      rest,
      async () => {
        const ids = Array.from({ length: 40 }, (_, i) => (i % 20 === 10 ? `exit${i}` : `size${i}`));
        const warnings = await warningsDuring(async () => {
          const outcomes = await withSession(strategy, fixture('odd-task'), {}, (session) =>
            outcomesOf(session, documentsOf(ids), ids.length),
          );
          for (const { id, status } of outcomes)
            assert.equal(status, id.startsWith('exit') ? 'crashed' : 'ok', id);
        });
        assert.deepEqual(warnings, []);
      },
    );
  });
}

/** Returns the warnings of workers that ended. */
async function warningsDuring(run: () => Promise<void>): Promise<string[]> {
  const warnings: string[] = [];
  const hear = ({ message }: Error) => {
    if (message.startsWith('a worker ended and was replaced')) warnings.push(message);
  };
  process.on('warning', hear);
  await run();
  await new Promise(setImmediate); // warnings are emitted later
  process.off('warning', hear);
  return warnings;
}
