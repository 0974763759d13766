import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { type Cell, chooseTwins } from '../../bench/trials/plan.js';
import { type RunOptions, runRounds } from '../../bench/trials/rounds.js';
import { failedTrial, trial } from '../rows.js';
import { cells } from './support.js';

const voided = { status: 'void', reason: 'steal 9 %' } as const;

describe('rounds', () => {
  const options = (overrides: Partial<RunOptions>): RunOptions => ({
    runId: 'r',
    cells,
    twins: [],
    rounds: { min: 3, max: 3 },
    budgetMs: null,
    maxAttempts: 3,
    finished: [],
    enough: () => ({ stop: false, unmet: [] }),
    seed: 1,
    timing: { timeMs: 1, warmupMs: 1 },
    cores: 2,
    measure: async (_, place) => trial(place),
    keep: () => {},
    progress: { start: () => {}, trial: () => {}, say: () => {}, stop: () => {} },
    signal: new AbortController().signal,
    ...overrides,
  });
  const name = ({ round, order }: { round: number; order: number }) => `${round}.${order}`;

  it('measure every cell once a round and keep each trial before the next begins', async () => {
    const events: string[] = [];
    const measured: Cell[] = [];
    const ending = await runRounds(
      options({
        measure: async (cell, place) => {
          events.push(`measure ${name(place)}`);
          measured.push(cell);
          return trial(place);
        },
        keep: (row) => events.push(`keep ${name(row)}`),
      }),
    );
    assert.deepEqual(ending, { complete: true, unmet: [] });
    const expected = [1, 2, 3].flatMap((round) =>
      cells.flatMap((_, i) => [`measure ${round}.${i + 1}`, `keep ${round}.${i + 1}`]),
    );
    assert.deepEqual(events, expected);
    for (const cell of cells) assert.equal(measured.filter((one) => one === cell).length, 3);
  });

  it('end after the first one when every trial of it has failed', async () => {
    const rows: TrialRow[] = [];
    const failing = (which: (cell: Cell) => boolean) =>
      runRounds(
        options({
          measure: async (cell, place) => (which(cell) ? failedTrial(place) : trial(place)),
          keep: (row) => rows.push(row),
        }),
      );
    const { complete, unmet } = await failing(() => true);
    assert.deepEqual([complete, unmet.length, rows.length], [true, 1, cells.length]);
    rows.length = 0;
    assert.deepEqual(await failing((cell) => cell !== cells[0]), { complete: true, unmet: [] });
    assert.equal(rows.length, 3 * cells.length);
  });

  it('measure a twin beside its cell', async () => {
    const twins = chooseTwins(cells);
    assert.deepEqual(
      twins.map(({ corpus, strategy, workers }) => [corpus.name, strategy.strategy.name, workers]),
      [['10KB', 'pool', 2]],
    );
    const kept: (string | null)[] = [];
    await runRounds(options({ twins, rounds: { min: 1, max: 1 }, keep: ({ twin }) => kept.push(twin) }));
    assert.equal(kept.length, cells.length + 1);
    assert.equal(kept.filter((twin) => twin === 'A/A').length, 1);
  });

  it('count a disturbed trial at once where nothing is repeated', async () => {
    const rows: TrialRow[] = [];
    const measure: RunOptions['measure'] = async (_, place) =>
      trial({ ...place, status: 'void', reason: 'others', noise_others_percent: 12 });
    await runRounds(options({ measure, maxAttempts: 1, keep: (row) => rows.push(row) }));
    assert.equal(rows.length, 3 * cells.length);
    assert.ok(
      rows.every(({ status, busy, order }, i) => status === 'ok' && busy && order === (i % cells.length) + 1),
    );
  });

  it('repeat a void trial twice, then keep the least disturbed one as busy', async () => {
    const rows: TrialRow[] = [];
    const disturbances = [12, 7, 9];
    const measure: RunOptions['measure'] = async (cell, place) =>
      trial({
        ...place,
        documents_per_second: 100 + place.attempt,
        noise_others_percent: cell === cells[0] ? (disturbances[place.attempt - 1] ?? 0) : 0,
        ...(cell === cells[0] && voided),
      });
    const timing = { timeMs: 1000, warmupMs: 1000 };
    await runRounds(options({ measure, timing, rounds: { min: 1, max: 1 }, keep: (row) => rows.push(row) }));
    assert.equal(rows.length, cells.length + 3);
    assert.deepEqual(
      rows.filter(({ status }) => status === 'void').map(({ attempt }) => attempt),
      [1, 2, 3],
    );
    assert.deepEqual(
      rows.slice(-3).map(({ status, order, attempt }) => [status, order, attempt]),
      [
        ['void', cells.length + 1, 2],
        ['void', cells.length + 2, 3],
        ['ok', cells.length + 2, 3],
      ],
    );
    const kept = rows.at(-1);
    assert.deepEqual([kept?.busy, kept?.documents_per_second, kept?.reason], [true, 102, null]);
    assert.ok(rows.slice(0, -1).every(({ busy }) => busy === null));
  });

  it('repeat nothing when the run would take more than half again its planned time', async () => {
    const rows: TrialRow[] = [];
    const slow: RunOptions['measure'] = async (_, place) => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      return trial({ ...place, ...voided });
    };
    const round = { min: 1, max: 1 };
    const timing = { timeMs: 0, warmupMs: 0, maxWarmupMs: 0 };
    const few = cells.slice(0, 2);
    await runRounds(
      options({ measure: slow, cells: few, timing, rounds: round, keep: (row) => rows.push(row) }),
    );
    const repeated = rows.filter(({ status, attempt }) => status === 'void' && attempt > 1);
    assert.equal(repeated.length, 0);
    assert.equal(rows.filter(({ busy }) => busy).length, few.length, 'each cell has a trial that counts');
  });

  it('go on where an earlier invocation stopped, wherever that was', async () => {
    const voids = (cell: Cell, { round }: { round: number }) => cell === cells[2] && round === 1;
    const measure: RunOptions['measure'] = async (cell, place) =>
      trial({ ...place, workers: cells.indexOf(cell), ...(voids(cell, place) && voided) });
    const whole: TrialRow[] = [];
    await runRounds(options({ measure, keep: (row) => whole.push(row) }));
    for (let cut = 0; cut <= whole.length; cut++) {
      const rest: TrialRow[] = [];
      await runRounds(options({ measure, finished: whole.slice(0, cut), keep: (row) => rest.push(row) }));
      assert.deepEqual([...whole.slice(0, cut), ...rest], whole);
    }
  });

  it('count what an earlier invocation has done, and show only what is measured now', async () => {
    const whole: TrialRow[] = [];
    await runRounds(options({ keep: (row) => whole.push(row) }));
    const shown: number[] = [];
    const progress = {
      start: () => {},
      trial: (_: TrialRow, { done }: { done: number }) => shown.push(done),
      say: () => {},
      stop: () => {},
    };
    await runRounds(options({ finished: whole.slice(0, 4), progress }));
    assert.deepEqual(
      shown,
      whole.slice(4).map((_, i) => i + 5),
    );
  });

  it('stop after the trial under way when told to', async () => {
    const stop = new AbortController();
    let kept = 0;
    const ending = await runRounds(
      options({ signal: stop.signal, keep: () => ++kept === 5 && stop.abort() }),
    );
    assert.deepEqual([ending.complete, kept], [false, 5]);
  });

  it('end between minimum and maximum as soon as it is enough, and say what was not reached', async () => {
    const ends = async (enoughFrom: number) => {
      let last = 0;
      const enough = (round: number) => ({
        stop: round >= enoughFrom,
        unmet: round >= enoughFrom ? [] : ['too wide'],
      });
      const { unmet } = await runRounds(
        options({ rounds: { min: 2, max: 5 }, enough, keep: ({ round }) => (last = round) }),
      );
      return [last, unmet];
    };
    assert.deepEqual(await ends(1), [2, []]);
    assert.deepEqual(await ends(4), [4, []]);
    assert.deepEqual(await ends(9), [5, ['too wide']]);
  });

  it('begin no round that would not end within the budget', async () => {
    let kept = 0;
    const { complete, unmet } = await runRounds(options({ budgetMs: 1, keep: () => kept++ }));
    assert.deepEqual([complete, kept], [true, 0]);
    assert.match(unmet[0] ?? '', /the budget ended the run after 0 of 3 rounds/);
  });

  it('end the progress when a trial cannot be kept', async () => {
    let stopped = false;
    const progress = { start: () => {}, trial: () => {}, say: () => {}, stop: () => (stopped = true) };
    const keep = () => {
      throw new Error('full');
    };
    await assert.rejects(runRounds(options({ keep, progress })), /full/);
    assert.equal(stopped, true);
  });
});
