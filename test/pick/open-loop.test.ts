import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Configuration } from '../../bench/pick/configurations.js';
import { unconstrained } from '../../bench/pick/constraints.js';
import { decide, eligibleCells } from '../../bench/pick/decide.js';
import { type Demand, demandOf, openLoopMs, scheduleMs } from '../../bench/pick/open-loop/demand.js';
import { judge } from '../../bench/pick/open-loop/judge.js';
import { measureOpenLoops } from '../../bench/pick/open-loop/measure.js';
import { nextTrial } from '../../bench/pick/open-loop/next-trial.js';
import { type ArrivalRow, arrivalTable } from '../../bench/tables/arrival-columns.js';
import { summariseArrivals } from '../../bench/tables/arrival-summary.js';
import { summarise } from '../../bench/tables/summarise.js';
import { hasRate, type RatedSummary } from '../../bench/tables/summary-columns.js';
import type { Cell } from '../../bench/trials/plan.js';
import { configurationName } from '../../bench/verdict/configurations.js';
import { openLoopSentences } from '../../bench/words/open-loop.js';
import { made, type Some, summary } from '../rows.js';
import { trialsOf } from '../runs.js';
import { strategies } from './support.js';

const demand: Demand = { asked: '100/s', perSecond: 100, limitMs: 50 };

function cell(
  strategy: string,
  { rate = 300, cpuMs = 1, memory = 50e6 }: { rate?: number; cpuMs?: number; memory?: number } = {},
): RatedSummary {
  const row = summary({
    strategy,
    workers: 2,
    delivery: 'reference',
    documents_per_second: rate,
    megabytes_per_second: rate / 100,
    outcomes_failed: 0,
    cpu_ms_per_document: cpuMs,
    memory_peak_bytes: memory,
  });
  assert.ok(hasRate(row));
  return row;
}

/** One open loop of 500 documents, each of which took 2 ms of CPU time. */
function row({ strategy, workers, delivery }: RatedSummary, columns: Some<ArrivalRow> = {}): ArrivalRow {
  return made(arrivalTable, {
    schema: 1,
    run_id: 'test',
    round: 1,
    order: 1,
    workload: 'word-frequency',
    kind: 'cpu',
    corpus: '10KB',
    document_bytes: 10_000,
    strategy,
    workers,
    delivery,
    pattern: 'poisson',
    asked: '100/s',
    offered_per_second: 100,
    documents: 500,
    status: 'ok',
    done_per_second: 100,
    outcomes_ok: 500,
    outcomes_failed: 0,
    refused: 0,
    latency_p50_ms: 10,
    latency_p99_ms: 30,
    latency_p99_low_ms: 25,
    latency_p99_high_ms: 40,
    latency_max_ms: 60,
    backlog_growth_percent: 0,
    cpu_user_ms: 800,
    cpu_system_ms: 200,
    memory_peak_bytes: 50e6,
    ...columns,
  });
}

const cpu = (ms: number): Some<ArrivalRow> => ({ cpu_user_ms: ms, cpu_system_ms: 0 });
const twice = (one: RatedSummary, columns: Some<ArrivalRow> = {}) => [
  row(one, columns),
  row(one, { round: 2, ...columns }),
];
const chosen = (cells: readonly RatedSummary[], rows: readonly ArrivalRow[], of = demand) =>
  judge(cells, { rows, demand: of }).feasible[0]?.cell.strategy;

describe('a demand', () => {
  it('is a rate per second, whose limit is that of the open loop', () => {
    assert.deepEqual(demandOf('200/s', { latencyP99: '150ms' }), {
      asked: '200/s',
      perSecond: 200,
      limitMs: 150,
    });
    assert.equal(demandOf('0.5/s', {}).limitMs, null);
    for (const text of ['80%', '200', '-1/s', '']) assert.throws(() => demandOf(text, {}), /--rate/, text);
    assert.throws(() => openLoopMs(20_000), /--time-budget of at least 30s/);
  });

  it('has schedules that fit into the time, of at least 5 s', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 1e5, noNaN: true }),
        fc.integer({ min: 30_000, max: 1e7 }),
        (rate, budgetMs) => {
          const ms = scheduleMs({ ...demand, perSecond: rate }, { budgetMs });
          assert.ok(ms >= 5_000 && 2 * ms < openLoopMs(budgetMs) && openLoopMs(budgetMs) < 0.5 * budgetMs);
        },
      ),
    );
  });
});

describe('what open loops show', () => {
  const [a, b, c] = [cell('a'), cell('b'), cell('c')];

  it('the fewest cores win, and memory decides where cores are the same', () => {
    assert.equal(chosen([a, b], [...twice(a, cpu(900)), ...twice(b, cpu(600))]), 'b');
    const smaller = { ...cpu(610), memory_peak_bytes: 20e6 };
    assert.equal(chosen([a, b], [...twice(a, smaller), ...twice(b, cpu(600))]), 'a');
  });

  it('cores are CPU time per document × rate', () => {
    const [found] = judge([a], { rows: twice(a, cpu(1000)), demand }).feasible;
    assert.ok(Math.abs((found?.cores as number) - 0.2) < 1e-9);
    assert.equal(found?.documents, 1000);
    assert.deepEqual([found?.p99LowMs, found?.p99HighMs], [25, 40]);
  });

  it('one schedule beyond the limit is enough to rule out, however cheap', () => {
    const beyond = [row(a, cpu(10)), row(a, { ...cpu(10), round: 2, latency_p99_ms: 51 })];
    const { feasible, reasons } = judge([a, b], { rows: [...beyond, ...twice(b)], demand });
    assert.deepEqual(
      feasible.map(({ cell }) => cell.strategy),
      ['b'],
    );
    assert.match(
      reasons.get(configurationName(a)) ?? '',
      /p99 51 ms in an open loop at 100\/s, the limit is 50/,
    );
    assert.equal(reasons.has(configurationName(b)), false);
  });

  it('without a limit only keeping up counts', () => {
    const unlimited = { ...demand, limitMs: null };
    const slow = twice(a, { ...cpu(10), latency_p99_ms: 5_000, latency_p99_high_ms: 9_000 });
    const behind = twice(b, { ...cpu(5), backlog_growth_percent: 20 });
    const { feasible, reasons } = judge([a, b], { rows: [...slow, ...behind], demand: unlimited });
    assert.deepEqual(
      feasible.map(({ cell }) => cell.strategy),
      ['a'],
    );
    assert.match(reasons.get(configurationName(b)) ?? '', /^falls behind in an open loop at 100\/s/);
  });

  it('what was measured twice, and ends within the limit with its interval, is preferred', () => {
    assert.equal(chosen([a, b], [row(a, cpu(10)), ...twice(b, cpu(900))]), 'b');
    const unsure = twice(a, { ...cpu(10), latency_p99_high_ms: 60 });
    assert.equal(chosen([a, b], [...unsure, ...twice(b, cpu(900))]), 'b');
    assert.equal(chosen([a], unsure), 'a');
  });

  it('a disturbed schedule does not count beside one that was not', () => {
    const disturbed = row(a, { round: 3, status: 'void', reason: 'noise', latency_p99_ms: 900 });
    assert.equal(chosen([a], [...twice(a), disturbed]), 'a');
    assert.equal(chosen([a], [disturbed]), undefined);
  });

  it('probes of other rates say how far the knee is, and do not rule out', () => {
    const at = (rate: number, p99: number) =>
      row(a, { asked: `${rate}/s`, offered_per_second: rate, latency_p99_ms: p99 });
    const [found] = judge([a], { rows: [...twice(a), at(150, 45), at(220, 80)], demand }).feasible;
    assert.deepEqual(found?.headroom, {
      fullLoadPerSecond: 300,
      ofFullLoad: 3,
      keptPerSecond: 150,
      brokenPerSecond: 220,
    });
  });

  it('the choice never falls behind, refuses, fails or breaks the limit, and is the cheapest', () => {
    const trial = fc.record({
      which: fc.constantFrom(a, b, c),
      p99: fc.option(fc.integer({ min: 1, max: 100 })),
      high: fc.option(fc.integer({ min: 1, max: 200 })),
      growth: fc.constantFrom(-1, 0, 1, 5),
      refused: fc.constantFrom(0, 0, 0, 3),
      status: fc.constantFrom('ok', 'ok', 'ok', 'void', 'failed'),
      cpuMs: fc.integer({ min: 1, max: 2000 }),
    });
    fc.assert(
      fc.property(fc.array(trial, { maxLength: 10 }), fc.boolean(), (trials, limited) => {
        const rows = trials.map(({ which, p99, high, growth, refused, status, cpuMs }, i) =>
          row(which, {
            ...cpu(cpuMs),
            round: i + 1,
            status,
            reason: status === 'ok' ? null : 'why',
            latency_p99_ms: p99,
            latency_p99_high_ms: high,
            backlog_growth_percent: growth,
            refused,
          }),
        );
        const asked = { ...demand, limitMs: limited ? 50 : null };
        const { feasible, reasons } = judge([a, b, c], { rows, demand: asked });
        assert.equal(reasons.size, feasible.length > 0 ? 2 : 3);
        for (const { cell: one } of feasible) {
          const own = rows.filter(({ strategy }) => strategy === one.strategy);
          assert.ok(own.length > 0 && own.every(({ status }) => status !== 'failed'));
          const [shown] = summariseArrivals(own);
          assert.ok(shown !== undefined && !shown.falls_behind && shown.refused_share === 0);
          const counted = shown.busy ? own : own.filter(({ status }) => status === 'ok');
          if (limited) assert.ok(counted.every(({ latency_p99_ms: ms }) => ms !== null && ms <= 50));
        }
        const [first, ...others] = feasible;
        const isSure = (high: number | null) => !limited || (high !== null && high <= 50);
        for (const other of others)
          assert.ok(
            first !== undefined &&
              ((first.schedules >= 2 && other.schedules < 2) ||
                (isSure(first.p99HighMs) && !isSure(other.p99HighMs)) ||
                (first.cores ?? 0) <= 1.05 * (other.cores ?? 0) + 0.01),
          );
      }),
    );
  });

  it('its sentences are short, and say which loop each latency is of', () => {
    const said = openLoopSentences(
      judge([a, b], { rows: [...twice(a), ...twice(b)], demand }),
      ({ strategy }) => strategy,
    );
    assert.match(said[0] ?? '', /^Use [ab]: it keeps up with 100\/s on 0.2 cores, 50 MB\.$/);
    assert.match(said[1] ?? '', /open loops: p99 30 ms \(25 to 40\), limit 50 ms, over 2 schedules/);
    assert.match(said[2] ?? '', /300\/s at full load in a closed loop/);
    for (const sentence of said.flatMap((text) => text.split(/(?<=\.) /)))
      assert.ok(sentence.split(' ').length <= 25, sentence);
  });
});

describe('the order of open loops', () => {
  const fast = cell('fast', { rate: 1000, cpuMs: 4 });
  const cheap = cell('cheap', { rate: 300, cpuMs: 1 });
  const middle = cell('middle', { rate: 400, cpuMs: 2 });
  const slow = cell('slow', { rate: 99 });
  const cells = [slow, middle, fast, cheap];

  it('the fastest and then the cheapest are tried, and two finalists again; the slow never', () => {
    const rows: ArrivalRow[] = [];
    const order: string[] = [];
    for (let i = 0; i < 20; i++) {
      const next = nextTrial({ cells, rows, demand, tried: 2 });
      if (next === null) break;
      const { cell: of, asked, perSecond, round } = next;
      order.push(`${of.strategy} ${asked === demand.asked ? round : 'probe'}`);
      rows.push(
        row(of, { asked, offered_per_second: perSecond, round, ...cpu(500 * (of.cpu_ms_per_document ?? 0)) }),
      );
    }
    assert.deepEqual(order, ['fast 1', 'cheap 1', 'cheap 2', 'fast 2', 'cheap probe', 'cheap 3', 'fast 3']);
  });

  it('where none of the tried is feasible the next is tried, until none is left', () => {
    const rows: ArrivalRow[] = [];
    for (let i = 0; i < 20; i++) {
      const next = nextTrial({ cells, rows, demand, tried: 1 });
      if (next === null) break;
      rows.push(row(next.cell, { latency_p99_ms: 70 }));
    }
    assert.deepEqual(
      rows.map(({ strategy }) => strategy),
      ['fast', 'cheap', 'middle'],
    );
  });

  it('trials end within the time, however long they take', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 14_000, max: 100_000 }),
        fc.integer({ min: 0, max: 3_000 }),
        async (timeMs, extraMs) => {
          let clockMs = 0;
          const seeds = new Map<string, number[]>();
          const rows = await measureOpenLoops({
            cells,
            configurations: cells.map(configurationOf),
            corpus: {} as Cell['corpus'],
            demand,
            scheduleMs: 5_000,
            untilMs: timeMs,
            clock: () => clockMs,
            seed: 7,
            measure: async ({ strategy }, { offered, round }) => {
              clockMs += 5_000 + extraMs;
              const name = strategy.strategy.name;
              seeds.set(name, [...(seeds.get(name) ?? []), offered.seed]);
              assert.equal(offered.documents, Math.round(5 * offered.rate));
              const one = cells.find((cell) => cell.strategy === name) as RatedSummary;
              return row(one, { asked: offered.asked, offered_per_second: offered.rate, round });
            },
            keep: () => {},
            signal: new AbortController().signal,
          });
          assert.ok(rows.length >= 1 && (rows.length === 1 || clockMs <= timeMs));
          for (const row of rows.filter(({ asked }) => asked === demand.asked))
            assert.ok(new Set(seeds.get(row.strategy)).size >= row.round, 'every round has a fresh schedule');
        },
      ),
    );
  });
});

it('a decision takes the configuration that open loops chose, and none where they chose none', () => {
  const trials = trialsOf({ corpora: { docs: 10_000 }, rounds: 6, workers: [1, 2] });
  const summaries = summarise(trials, {
    effectiveCores: 2,
    corpora: [{ workload: 'word-frequency', corpus: 'docs' }],
    strategies,
  });
  const options = {
    trials,
    summaries,
    responsiveness: [],
    constraints: unconstrained,
    strategies,
    corpus: 'docs',
  };
  const cells = eligibleCells(decide(options));
  const slowest = cells.reduce((a, b) => (b.documents_per_second < a.documents_per_second ? b : a));
  const low: Demand = { asked: '1/s', perSecond: 1, limitMs: 50 };
  const rows = twice(slowest, { asked: '1/s', corpus: 'docs' });
  const made = decide({ ...options, reasons: judge(cells, { rows, demand: low }).reasons });
  assert.equal(made.state === 'chosen' && configurationName(made.choice), configurationName(slowest));
  const none = decide({ ...options, reasons: judge(cells, { rows: [], demand: low }).reasons });
  assert.equal(none.state, 'none');
  assert.ok(none.disqualified.some(({ reason }) => /not measured in an open loop/.test(reason)));
});

function configurationOf({ strategy, workers, delivery }: RatedSummary): Configuration {
  const cell = { strategy: { strategy: { name: strategy } }, workers, delivery } as unknown as Cell;
  return { cell, maxRate: 1000 };
}
