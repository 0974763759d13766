import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createRunner } from '../../../runner/create-runner.js';
import type { InputDocument } from '../../../runner/pending.js';
import type { AnyDocument, Outcome, Strategy } from '../../../strategies/strategy.js';
import { documentsOf, fixture, longWithParts, outcomesOf, withSession } from '../../support.js';

const perWorker = 4;

/** Tests what several documents at the same time in one worker may and may not change. */
export function describePerWorker(strategy: Strategy): void {
  if (!strategy.perWorker) return;
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const idsOf = (count: number, at: Readonly<Record<number, string>> = {}) =>
    Array.from({ length: count }, (_, i) => `${at[i] ?? 'wait'}${i}`);
  /** Runs documents of which each leaves a mark whenever it runs; returns the outcomes and the runs. */
  const marked = async (ids: readonly string[], timeoutMs?: number) => {
    const marker = mkdtempSync(join(folder, 'runs-'));
    const options = { workers: 1, perWorker, ...(timeoutMs !== undefined && { timeoutMs }) };
    const outcomes = await withSession(strategy, fixture('beside-task', { marker }), options, (session) =>
      outcomesOf(session, documentsOf(ids), ids.length),
    );
    const marks = readdirSync(marker);
    const runsOf = (id: string) => marks.filter((mark) => mark.startsWith(`${id}-`)).length;
    return { outcomes, again: ids.filter((id) => runsOf(id) > 1), runsOf };
  };

  const rest = longWithParts(strategy);
  describe(`${strategy.name}: several documents at the same time in a worker`, () => {
    it('runs as many as its option says, and no more, also after a change', async () => {
      const task = fixture('beside-task');
      await withSession(strategy, task, { workers: 1, perWorker }, async (session) => {
        const most = async () => {
          const outcomes = await outcomesOf(session, documentsOf(idsOf(20)), 20);
          return Math.max(...outcomes.map(besideOf));
        };
        assert.equal(await most(), perWorker);
        session.setPerWorker?.(1);
        assert.equal(await most(), 1);
        session.setPerWorker?.(3);
        assert.equal(await most(), 3);
        assert.throws(() => session.setPerWorker?.(0), RangeError);
      });
      await withSession(strategy, task, { workers: 1 }, async (session) => {
        const outcomes = await outcomesOf(session, documentsOf(idsOf(5)), 5);
        assert.equal(Math.max(...outcomes.map(besideOf)), 1, 'one is the default');
      });
    });

    // Each document waits until its whole group has begun: an empty place would hold all up forever.
    const meeting = (groups: readonly number[]) =>
      fixture('meet-task', { groups, folder: mkdtempSync(join(folder, 'meet-')) });
    // The last documents have no group: one of two workers may hold all of them.
    const countFor = (groups: readonly number[]) => groups.reduce((sum, size) => sum + size, 12);
    const inTime = { ...rest, timeout: 60_000 };

    it('fills every place of every worker, also after the number has risen in the run', inTime, async () => {
      const groups = [6, 6, 6, 10, 10];
      const count = countFor(groups);
      const options = { workers: 2, perWorker: 3 };
      await withSession(strategy, meeting(groups), options, async (session) => {
        const outcomes: Outcome[] = [];
        const seen = (outcome: Outcome) => {
          outcomes.push(outcome);
          if (outcomes.length === 6) session.setPerWorker?.(5);
        };
        await session.run(documentsOf(idsOf(count)), seen);
        assert.equal(outcomes.filter(({ status }) => status === 'ok').length, count);
      });
    });

    it('fills every place through a runner, from a generator', inTime, async () => {
      const groups = [6, 6, 6];
      const { url, options } = meeting(groups);
      const runner = await createRunner({
        strategy: strategy.name,
        task: new URL(url),
        options,
        workers: 2,
        perWorker: 3,
      });
      let ok = 0;
      const count = countFor(groups);
      for await (const { status } of runner.process(generated(idsOf(count)))) if (status === 'ok') ok++;
      await runner.close();
      assert.equal(ok, count);
    });

    it('runs fewer at a time as soon as the number falls in the run', rest, async () => {
      await withSession(strategy, fixture('beside-task'), { workers: 1, perWorker }, async (session) => {
        const outcomes: Outcome[] = [];
        await session.run(documentsOf(idsOf(24)), (outcome) => {
          outcomes.push(outcome);
          if (outcomes.length === 1) session.setPerWorker?.(1);
        });
        assert.deepEqual(outcomes.slice(-4).map(besideOf), [1, 1, 1, 1]);
      });
    });

    it('runs each document again alone that was beside one that ended the worker', rest, async () => {
      const { outcomes, again, runsOf } = await marked(idsOf(24, { 9: 'exit' }));
      for (const { id, status } of outcomes) assert.equal(status, id === 'exit9' ? 'crashed' : 'ok', id);
      assert.ok(runsOf('exit9') <= strategy.maxRuns);
      assert.ok(again.length <= perWorker, `ran again: ${again.join()}`);
      for (const id of again) if (id !== 'exit9') assert.equal(runsOf(id), 2, id);
    });

    it('blames no document for the time of one beside it', rest, async () => {
      const { outcomes, again } = await marked(idsOf(16, { 5: 'loop' }), 400);
      for (const { id, status } of outcomes) assert.equal(status, id === 'loop5' ? 'timed-out' : 'ok', id);
      assert.ok(again.length <= perWorker, `ran again: ${again.join()}`);
    });

    it('ends a document that waits for too long, unless it hears its signal', rest, async () => {
      const { outcomes, again } = await marked(idsOf(16, { 3: 'abort', 9: 'never' }), 400);
      for (const { id, status } of outcomes)
        assert.equal(status, id.startsWith('wait') ? 'ok' : 'timed-out', id);
      assert.ok(again.length <= perWorker && !again.includes('abort3'), `ran again: ${again.join()}`);
    });

    it('cancels one document, and the others have their outcomes', rest, async () => {
      const ids = idsOf(12, { 1: 'never', 2: 'abort' });
      await withSession(strategy, fixture('beside-task'), { workers: 1, perWorker }, async (session) => {
        const outcomes: Outcome[] = [];
        const run = session.run(
          documentsOf(ids),
          (outcome) => {
            outcomes.push(outcome);
            if (outcomes.length !== 1) return;
            session.cancel(1);
            session.cancel(2);
          },
          { cancellable: () => true },
        );
        await run;
        assert.deepEqual(
          outcomes.map(({ index }) => index).sort((a, b) => a - b),
          [...ids.keys()],
        );
        for (const { id, status } of outcomes)
          assert.equal(status, id.startsWith('wait') ? 'ok' : 'failed', id);
      });
    });

    it('ends at once with `now`, and gives one outcome to each document', rest, async () => {
      const ids = idsOf(12, { 0: 'never', 1: 'never' });
      const session = await strategy.open(fixture('beside-task'), {
        workers: 1,
        perWorker,
        delivery: strategy.deliveries[0],
      });
      const seen: Outcome[] = [];
      await session.run(documentsOf(ids), (outcome) => {
        seen.push(outcome);
        if (seen.length === 3) void session.close({ now: true });
      });
      await session.close();
      assert.equal(new Set(seen.map(({ index }) => index)).size, seen.length);
      for (const { id, status } of seen) assert.ok(status === 'crashed' || id.startsWith('wait'), id);
      assert.equal(seen.filter(({ status }) => status === 'crashed').length >= 2, true);
    });

    if (strategy.deliveries.includes('reference'))
      it('reads documents by path while others wait', rest, async () => {
        const documents = Array.from({ length: 12 }, (_, index): AnyDocument => {
          const path = join(folder, `document${index}`);
          writeFileSync(path, `content ${index}`);
          return { index, id: `wait${index}`, path };
        });
        const options = { workers: 1, perWorker, delivery: 'reference' } as const;
        await withSession(strategy, fixture('beside-task'), options, async (session) => {
          const outcomes = await outcomesOf(session, documents, documents.length);
          assert.ok(Math.max(...outcomes.map(besideOf)) > 1);
          for (const { index, size } of outcomes) assert.equal(size, `content ${index}`.length);
        });
      });
  });
}

function* generated(ids: readonly string[]): Generator<InputDocument> {
  for (const { id, bytes } of documentsOf(ids)) yield { id, bytes };
}

function besideOf(outcome: Outcome): number {
  assert.equal(outcome.status, 'ok', outcome.id);
  return (outcome as { value: unknown }).value as number;
}
