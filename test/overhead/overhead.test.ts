import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bestConfiguration,
  kindOf,
  meanPoints,
  metgRows,
  ratios,
  summariseOverhead,
} from '../../bench/overhead/analyse.js';
import { type GranularityPoint, type OverheadTrial, overheadTable } from '../../bench/overhead/columns.js';
import kernel from '../../bench/overhead/kernel.js';
import { metgBytes, sweepCells, turnsOf } from '../../bench/overhead/plan.js';
import { seriesOf } from '../../bench/overhead/series.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';
import { made, type Some } from '../rows.js';

const loaded = await loadStrategies([...strategies, ...peers].map(({ url }) => url));
const series = seriesOf(loaded);
const kinds = new Map(series.map((one) => [one.name, kindOf(one)]));

function trial(strategy: string, overhead_us: number | null, more: Some<OverheadTrial> = {}): OverheadTrial {
  return made(overheadTable, {
    phase: 'measure',
    round: 1,
    strategy,
    delivery: 'clone',
    in_flight: null,
    workers: 2,
    document_bytes: 10_000,
    transport: null,
    status: overhead_us === null ? 'failed' : 'ok',
    reason: overhead_us === null ? 'it broke' : null,
    documents: overhead_us === null ? null : 1000,
    wall_ms: overhead_us,
    overhead_us,
    ...more,
  });
}

describe('the plan of the dispatch benchmark', () => {
  it('lets every delivery and number in flight compete, and tells a task that reads in place apart', () => {
    const pool = series.find(({ name }) => name === 'thread-pool');
    assert.equal(pool?.dispatches.length, 3);
    assert.ok(kinds.has('thread-pool (transferred)') && !kinds.has('queue (transferred)'));
    assert.deepEqual(
      [kinds.get('thread-pool')?.role, kinds.get('post-message')?.role, kinds.get('queue')?.role],
      ['pool', 'other', 'ours'],
    );
    assert.ok(
      kinds.has('self-scheduling (shared view)') &&
        kinds.has('queue (shared view)') &&
        !kinds.has('thread-pool (shared view)'),
    );
    const shared = series.find(({ name }) => name === 'queue (shared view)');
    assert.ok(
      shared?.dispatches.every(({ delivery }) => delivery === 'path'),
      'nothing is shared in a message',
    );
    const cells = sweepCells({ series, sizes: [0], workers: [1] });
    assert.deepEqual(
      [...new Set(cells.map(({ documentBytes }) => documentBytes))],
      [0, metgBytes],
      'METG needs its own size',
    );
  });

  it('has lines for references and for the runner, and no METG of them', () => {
    const named = (name: string) => series.find((one) => one.name === name);
    for (const [name, given, role] of [
      ['sequential (by path)', 'path', 'other'],
      ['queue (by path)', 'path', 'ours'],
      ['queue (by resolve)', 'resolve', 'ours'],
      ['piscina (by path)', 'path', 'pool'],
      ['post-message (by path)', 'path', 'other'],
    ] as const)
      assert.deepEqual(
        [named(name)?.given, named(name)?.role, named(name)?.through],
        [given, role, 'session'],
      );
    assert.equal(named('piscina (by resolve)'), undefined, 'only our contract has it');
    assert.equal(named('piscina (by path)')?.dispatches.length, 3, 'rivals at their best in flight');
    for (const name of ['queue (runner)', 'queue (runner, shared view)'])
      assert.equal(named(name)?.through, 'runner');
    for (const name of ['queue (batches)', 'queue (batches, shared view)', 'queue (batches, by resolve)'])
      assert.equal(named(name)?.through, 'batches');
    assert.ok(!kinds.has('thread-pool (runner)') && !kinds.has('independent-processes'));
    const plan = {
      series: series.filter(({ name }) => ['queue', 'queue (by path)'].includes(name)),
      sizes: [1_000],
      workers: [2],
    };
    const swept = sweepCells(plan).map(({ series, dispatch: { delivery, inFlight }, documentBytes }) =>
      trial(series.name, 1, { phase: 'sweep', delivery, in_flight: inFlight, document_bytes: documentBytes }),
    );
    const turns = turnsOf(plan, swept).map(({ cell, steps }) => [cell.series.name, steps.length]);
    assert.deepEqual(turns, [
      ['queue', 1],
      ['queue', 8],
      ['queue (by path)', 1],
    ]);
  });

  it('knows how often a document is copied', () => {
    for (const [name, copies] of [
      ['sequential', null],
      ['self-scheduling', 2],
      ['self-scheduling (shared view)', 1],
      ['self-scheduling (runner)', 2],
      ['self-scheduling (batches, shared view)', 1],
      ['thread-pool (transferred)', 0],
      ['thread-pool (by path)', 1],
      ['thread-pool (by resolve)', 0],
      ['queue (shared view)', 2],
      ['piscina', 2],
      ['piscina (by path)', 1],
    ] as const)
      assert.equal(kinds.get(name)?.copies, copies, name);
  });

  it('measures each strategy at its best, and leaves out what could not be measured', () => {
    const plan = {
      series: series.filter(({ name }) =>
        ['thread-pool', 'thread-pool (transferred)', 'sequential'].includes(name),
      ),
      sizes: [0],
      workers: [1, 4],
    };
    const swept = sweepCells(plan).map(({ series, dispatch: { delivery, inFlight }, documentBytes }) => {
      const us = series.name === 'sequential' ? null : delivery === 'transfer' || inFlight === 4 ? 1 : 5;
      return trial(series.name, us, {
        phase: 'sweep',
        delivery,
        in_flight: inFlight,
        document_bytes: documentBytes,
      });
    });
    const turns = turnsOf(plan, swept);
    assert.deepEqual(
      turns.map(({ cell: { series, dispatch, workers, documentBytes }, steps }) => [
        series.name,
        dispatch,
        workers,
        documentBytes,
        steps.length,
      ]),
      [
        ['thread-pool', { delivery: 'clone', inFlight: 4 }, 1, 0, 1],
        ['thread-pool', { delivery: 'clone', inFlight: 4 }, 4, 0, 1],
        ['thread-pool', { delivery: 'clone', inFlight: 4 }, 2, metgBytes, 8],
        ['thread-pool (transferred)', { delivery: 'transfer', inFlight: 1 }, 1, 0, 1],
        ['thread-pool (transferred)', { delivery: 'transfer', inFlight: 1 }, 4, 0, 1],
        ['thread-pool (transferred)', { delivery: 'transfer', inFlight: 1 }, 2, metgBytes, 8],
      ],
    );
    assert.equal(bestConfiguration([trial('x', null)]), null);
  });
});

describe('what the dispatch benchmark says', () => {
  const trials = [1, 2, 3].flatMap((round) => [
    trial('queue', 5 * round, { round }),
    trial('workerpool', 50 * round, { round }),
    trial('jest-worker', 60 * round, { round }),
    trial('thread-pool', 2, { round }),
    trial('self-scheduling', round === 3 ? null : 2, { round }),
    trial('post-message', 1, { round }),
    trial('workerpool', 0.001, { round, phase: 'sweep' }),
  ]);

  it('compares ours with the best rival pool of the same isolation, paired by round', () => {
    const all = ratios(trials, kinds);
    const queue = all.find(({ strategy }) => strategy === 'queue');
    assert.deepEqual([queue?.rival, queue?.documents], ['workerpool', 'kept']);
    // Each round is twice or three times as slow as the first, for both: pairing takes that out.
    for (const value of [queue?.ratio, queue?.ratio_lower, queue?.ratio_upper])
      assert.ok(Math.abs((value ?? 0) - 10) < 1e-9);
    const mine = all.find(({ strategy }) => strategy === 'self-scheduling');
    assert.deepEqual(
      [mine?.rival, mine?.ratio],
      ['thread-pool', 1],
      'no pool, no rival; a failed round has no pair',
    );
  });

  it('compares documents by path with rivals that read files, and others with rivals that get bytes', () => {
    const rows = ratios(
      [
        ...trials,
        ...[1, 2, 3].flatMap((round) => [
          trial('queue (by path)', 10, { round }),
          trial('queue (by resolve)', 2, { round }),
          trial('queue (batches)', 4, { round }),
          trial('workerpool (by path)', 30, { round }),
        ]),
      ],
      kinds,
    );
    const rivalOf = (name: string) =>
      rows.filter(({ strategy }) => strategy === name).map(({ rival }) => rival);
    assert.deepEqual(rivalOf('queue (by path)'), ['workerpool (by path)']);
    for (const name of ['queue', 'queue (by resolve)', 'queue (batches)'])
      assert.deepEqual(rivalOf(name), ['workerpool'], name);
  });

  it('gives the limit where copies were timed: the median of the rounds', () => {
    const times = [30, 10, 20].map((copy_us, i) => ({ round: i + 1, document_bytes: 10_000, copy_us }));
    const [first] = summariseOverhead([trial('self-scheduling', 82)], kinds, times);
    assert.deepEqual([first?.copies, first?.limit_us, first?.of_limit?.toFixed(6)], [2, 41, '2.000000']);
    const [unknown] = summariseOverhead([trial('self-scheduling', 82)], kinds);
    assert.deepEqual([unknown?.copies, unknown?.limit_us, unknown?.of_limit], [2, null, null]);
  });

  it('sums up in the order of the lists, over the rounds that succeeded', () => {
    const summaries = summariseOverhead(trials, kinds);
    assert.deepEqual(
      summaries.map(({ strategy, rounds }) => [strategy, rounds]),
      [
        ['thread-pool', 3],
        ['self-scheduling', 2],
        ['queue', 3],
        ['post-message', 3],
        ['workerpool', 3],
        ['jest-worker', 3],
      ],
    );
    assert.ok(Math.abs((summaries[2]?.overhead_us ?? 0) - 5 * 6 ** (1 / 3)) < 1e-9, 'geometric mean');
  });

  it('tells METG in µs and as a size of documents', () => {
    // 10 µs of overhead a document: half of a granularity of 20 µs is the task's own.
    const points = [1, 2, 3].flatMap((round) =>
      [1, 2, 4, 8, 16, 32, 64].map((task_us): GranularityPoint => {
        const granularity_us = task_us + 10;
        const id = {
          strategy: 'queue',
          delivery: 'path',
          in_flight: null,
          workers: 2,
          document_bytes: 10_000,
        };
        return {
          round,
          ...id,
          steps: task_us * 100,
          task_us,
          documents: 9,
          wall_ms: 9,
          granularity_us,
          efficiency: task_us / granularity_us,
        };
      }),
    );
    const tasks = [
      { bytes: 100, taskUs: 5 },
      { bytes: 1_000, taskUs: 50 },
    ];
    const [half, most] = metgRows(points, { tasks, seed: 1 });
    assert.ok(Math.abs((half?.metg_us ?? 0) - 20) < 0.5, `${half?.metg_us}`);
    assert.ok(
      Math.abs((half?.word_frequency_bytes ?? 0) - 200) < 5,
      'the size at which the task takes its half, 10 µs',
    );
    assert.ok(Math.abs((most?.metg_us ?? 0) - 50) < 2);
    assert.equal(meanPoints(points).length, 7);
  });
});

it('the kernel takes its steps from the document and tells it from others', () => {
  const documentOf = (index: number, steps: number) => {
    const bytes = new Uint8Array(10).fill(9);
    new DataView(bytes.buffer).setInt32(0, steps, true);
    return { index, id: '', size: 10, bytes };
  };
  assert.deepEqual(kernel(documentOf(3, 0)), { index: 3, size: 10, last: 9, value: 4 });
  assert.notEqual(kernel(documentOf(3, 1)).value, kernel(documentOf(3, 70_000)).value);
  assert.deepEqual(kernel({ index: 0, id: '', size: 0, bytes: new Uint8Array(0) }), {
    index: 0,
    size: 0,
    last: 0,
    value: 1,
  });
});
