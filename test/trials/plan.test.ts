import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { seriesName } from '../../bench/tables/series.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import type { CorpusSource } from '../../bench/trials/corpus-file.js';
import {
  type Cell,
  cellsOf,
  chooseTwins,
  estimateTrialMs,
  type LoadedStrategy,
  type PreparedWorkload,
  planCells,
  plannedStrategies,
  roundOrder,
  warmupDocuments,
} from '../../bench/trials/plan.js';
import { documentsPerPass, profiles } from '../../bench/trials/profiles.js';
import { type RunOptions, runRounds } from '../../bench/trials/rounds.js';
import { cellNames } from '../../bench/trials/trial.js';
import { configurationName } from '../../bench/verdict/configurations.js';
import { parseList, parseSize } from '../../bench/words/parse.js';
import { duration, number } from '../../bench/words/units.js';
import { balance } from '../../strategies/shared-memory/partition.js';
import type { Delivery, Strategy } from '../../strategies/strategy.js';
import { failedTrial, trial } from '../rows.js';

const strategy = (name: string, scales: boolean): LoadedStrategy => ({
  url: name,
  strategy: { name, scales, isolation: 'thread', deliveries: ['clone'] } as unknown as Strategy,
});
const workload = {
  kind: 'cpu',
  ref: { name: 'w', url: '', options: {} },
  corpora: [
    { name: '10KB', documents: 100, sequentialMs: 300 },
    { name: '100KB', documents: 10, sequentialMs: 30 },
  ],
} as unknown as PreparedWorkload;
const cells = planCells({
  workloads: [workload],
  strategies: [strategy('sequential', false), strategy('pool', true)],
  workers: [1, 2, 4],
});

describe('warm-up', () => {
  const cell = (kind: string, at: Partial<Cell>, computingMs?: number): Cell => ({
    workload: { ...workload, kind } as PreparedWorkload,
    corpus: { documents: 10, sequentialMs: 200, computingMs } as unknown as Cell['corpus'],
    strategy: strategy('pool', true),
    delivery: 'clone',
    workers: 2,
    ...at,
  });
  const documents = (one: Cell, countsCalls = false) => warmupDocuments(one, { warmupMs: 100, countsCalls });

  it('gives each engine documents that take it this long', () => {
    assert.equal(documents(cell('cpu', {}, 200)), 10);
    assert.equal(documents(cell('io', {}, 1)), 10);
    assert.equal(warmupDocuments(cell('cpu', {}), { warmupMs: 0 }), 0);
  });

  it('gives it more where several wait at the same time, as far as its computing allows', () => {
    assert.equal(documents(cell('io', { perWorker: 8 }, 1)), 80);
    assert.equal(documents(cell('mixed', { perWorker: 8 }, 100)), 20);
    const timing = { warmupMs: 100, maxWarmupMs: 300 };
    assert.equal(warmupDocuments(cell('io', { perWorker: 8 }, 1), timing), 240);
    assert.equal(warmupDocuments(cell('io', { perWorker: 8 }, 20), timing), 100);
    assert.equal(warmupDocuments(cell('io', {}, 1), timing), 10, 'one that waits for one is not worth it');
    const oneThread = strategy('async', true);
    const onMain = { ...oneThread, strategy: { ...oneThread.strategy, isolation: 'none' as const } };
    assert.equal(documents(cell('io', { strategy: onMain, workers: 8 }, 1)), 40);
  });

  it('does not where calls are counted, where tasks compute, or where that is not known', () => {
    assert.equal(documents(cell('io', { perWorker: 8 }, 1), true), 10);
    assert.equal(documents(cell('cpu', { perWorker: 8 }, 1)), 10);
    assert.equal(documents(cell('io', { perWorker: 8 })), 10);
  });
});

describe('plan', () => {
  it('has every combination once, a strategy that does not scale at one worker', () => {
    const names = cells.map(
      ({ corpus, strategy, workers }) => `${corpus.name} ${strategy.strategy.name} ${workers}`,
    );
    assert.deepEqual(names, [
      '10KB sequential 1',
      '10KB pool 1',
      '10KB pool 2',
      '10KB pool 4',
      '100KB sequential 1',
      '100KB pool 1',
      '100KB pool 2',
      '100KB pool 4',
    ]);
  });

  it('measures a strategy with each requested delivery, or with its default if it has none of them', () => {
    const two = {
      url: 'two',
      strategy: { name: 'two', scales: false, deliveries: ['clone', 'transfer', 'path'] },
    } as unknown as LoadedStrategy;
    const plan = { workloads: [workload], strategies: [strategy('other', false), two], workers: [1] };
    const deliveries = (deliveries: readonly Delivery[]) =>
      planCells({ ...plan, deliveries })
        .filter(({ corpus }) => corpus.name === '10KB')
        .map(({ strategy, delivery }) => `${strategy.strategy.name} ${delivery}`);
    assert.deepEqual(deliveries([]), ['other clone', 'two clone']);
    assert.deepEqual(deliveries(['path', 'transfer']), ['other clone', 'two transfer', 'two path']);
  });

  it('lets workers read files unless another delivery is asked for, and has one baseline', () => {
    const traits = (name: string, deliveries: readonly Delivery[], baseline = false) =>
      ({ url: name, strategy: { name, baseline, scales: false, deliveries } }) as unknown as LoadedStrategy;
    const strategies = [
      traits('sequential', ['none', 'reference'], true),
      traits('async', ['none', 'reference']),
      traits('pool', ['clone', 'transfer', 'reference']),
      traits('peer', ['message']),
    ];
    const planned = (source: CorpusSource, deliveries: readonly Delivery[] = []) =>
      plannedStrategies(strategies, { workers: [1], deliveries, source }).map((one) =>
        one.deliveries.join(' '),
      );
    assert.deepEqual(planned('files'), ['reference', 'reference', 'reference', 'message']);
    assert.deepEqual(planned('files', ['none', 'clone', 'reference']), [
      'reference',
      'none reference',
      'clone reference',
      'message',
    ]);
    assert.deepEqual(planned('files', ['transfer']), ['reference', 'reference', 'transfer', 'message']);
    assert.deepEqual(planned('memory'), ['none', 'none', 'clone', 'message']);
    const limit = { name: 'limit', limit: true, scales: true, deliveries: ['message', 'reference'] };
    const [one] = plannedStrategies([{ url: 'limit', strategy: limit as unknown as Strategy }], {
      workers: [1],
      deliveries: ['message'],
      source: 'files',
    });
    assert.deepEqual(one?.deliveries, ['reference'], 'its clock leaves out what the caller reads');
  });

  it('measures strategies between machines at each round-trip time, in cells of their own', () => {
    const traits = (name: string, isolation: string) =>
      ({ url: name, strategy: { name, isolation, scales: true, deliveries: ['message'] } }) as never;
    const planned = plannedStrategies([traits('near', 'process'), traits('far', 'machine')], {
      workers: [2],
    });
    const corpora = [{ name: '10KB', file: { source: 'memory' } }];
    const one = { ...workload, corpora } as unknown as PreparedWorkload;
    const names = (rttsMs?: readonly number[]) =>
      cellsOf([one], planned, { ...(rttsMs && { rttsMs }), fixed: null, cores: 2 })
        .map(cellNames)
        .map(configurationName);
    assert.deepEqual(names(), ['near 2 message', 'far 2 message']);
    assert.deepEqual(names([0, 0.5]), ['near 2 message', 'far 2 message 0 ms', 'far 2 message 0.5 ms']);
    const rows = cellsOf([one], planned, { rttsMs: [0, 0.5], fixed: null, cores: 2 }).map(cellNames);
    assert.deepEqual(
      rows.map((row) => seriesName(row, rows)),
      ['near', 'far (0 ms)', 'far (0.5 ms)'],
    );
  });

  it('gives every round its own order, which is the same for the same seed', () => {
    const order = (seed: number, round: number) =>
      roundOrder(cells, { seed, round }).map((cell) => cells.indexOf(cell));
    assert.deepEqual(order(1, 1), order(1, 1));
    assert.notDeepEqual(order(1, 1), order(1, 2));
    assert.notDeepEqual(order(1, 1), order(2, 1));
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (seed, round) =>
        assert.deepEqual(
          order(seed, round).sort((a, b) => a - b),
          cells.map((_, i) => i),
        ),
      ),
    );
  });

  it('expects more of more work and less of more workers', () => {
    const ms = (cell: Cell | undefined) => estimateTrialMs(cell as Cell, { timeMs: 200, warmupMs: 100 }, 2);
    assert.ok(ms(cells[1]) > ms(cells[2]));
    assert.ok(ms(cells[0]) > ms(cells[4]));
  });

  it('chooses the number of documents by size and profile alone', () => {
    const [smoke, quick] = profiles as [(typeof profiles)[0], (typeof profiles)[0]];
    assert.equal(documentsPerPass(smoke, 'cpu', 10_000), 20);
    assert.equal(documentsPerPass(quick, 'cpu', 10_000), 400);
    assert.equal(documentsPerPass(quick, 'cpu', 500_000), 16);
    assert.equal(documentsPerPass(quick, 'cpu', 0), 400);
    assert.ok(documentsPerPass(quick, 'io', 10_000) <= 32);
  });
});

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

describe('balance', () => {
  it('keeps every item once, in order, and no list more expensive than the rule allows', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 500 })), fc.integer({ min: 1, max: 9 }), (costs, parts) => {
        const items = costs.map((cost, position) => ({ cost, position }));
        const lists = balance(items, new Array<number>(parts).fill(0), ({ cost }) => cost);
        assert.equal(lists.length, parts);
        assert.deepEqual(
          lists.flat().sort((a, b) => a.position - b.position),
          items,
        );
        for (const list of lists)
          assert.deepEqual(
            list,
            [...list].sort((a, b) => a.position - b.position),
          );
        const sums = lists.map((list) => list.reduce((sum, { cost }) => sum + cost, 0));
        const total = costs.reduce((a, b) => a + b, 0);
        const dearest = Math.max(0, ...costs);
        assert.ok(Math.max(...sums) <= total / parts + dearest);
        if (items.length >= parts)
          assert.ok(
            lists.every((list) => list.length > 0) ||
              costs.includes(0) ||
              Math.max(...sums) <= dearest + total / parts,
          );
      }),
    );
  });

  it('continues from what is in the lists already', () => {
    assert.deepEqual(
      balance([3, 3], [10, 0], (cost) => cost).map((list) => list.length),
      [0, 2],
    );
  });
});

describe('units', () => {
  it('read sizes', () => {
    assert.deepEqual(['10KB', '64KiB', '1.5MB', '100b'].map(parseSize), [10_000, 65_536, 1_500_000, 100]);
    for (const bad of ['10', 'KB', '-1KB', '1.5B', '10XB', ''])
      assert.throws(() => parseSize(bad), /expected a size/);
  });

  it('print three digits', () => {
    assert.deepEqual([0, 0.012345, 1.2345, 12.345, 123.45, 1234.5, 123456].map(number), [
      '0',
      '0.0123',
      '1.23',
      '12.3',
      '123',
      '1,230',
      '123,000',
    ]);
  });

  it('print durations', () => {
    assert.deepEqual([400, 59_400, 60_000, 245_000, 4_200_000].map(duration), [
      '0 s',
      '59 s',
      '1 min 00 s',
      '4 min 05 s',
      '1 h 10 min',
    ]);
  });

  it('read lists', () =>
    assert.deepEqual(
      parseList('a, b', '--x', (item) => item),
      ['a', 'b'],
    ));
});
