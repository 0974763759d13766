import assert from 'node:assert/strict';
import { type ArrivalSummaryRow, arrivalSummaryTable } from '../../bench/tables/arrival-summary.js';
import { type SloRow, sloTable } from '../../bench/tables/slo-columns.js';
import { type StageRow, stageTable } from '../../bench/tables/stage-columns.js';
import { type SummaryRow, summaryTable } from '../../bench/tables/summary-columns.js';
import { unknown } from '../../bench/tables/table.js';
import { compare, marginsOf } from '../../bench/verdict/compare.js';
import { crossovers } from '../../bench/verdict/crossovers.js';
import { winners } from '../../bench/verdict/winners.js';
import type { Chart, ChartData, Spec } from '../../plots/chart.js';
import { charts } from '../../plots/index.js';
import { peers } from '../../strategies/peers/index.js';
import { failedTrial, made, type Some, trial } from '../rows.js';
import { traitsOf } from '../runs.js';

export const strategies = ['sequential', 'async', 'thread-pool', 'process-pool', 'partitioned', 'queue'];
export const workloads = {
  'word-frequency': 'cpu',
  'llm-extract': 'io',
  'ocr-then-upload': 'mixed',
  hash: 'cpu',
  'json-transform': 'cpu',
};
export const corpora = { '10KB': 1e4, '100KB': 1e5, '500KB': 5e5, mixed: 7e4 };

/** A cell of which nothing was measured: every column that may be empty is. */
export const { oversubscribed: _, ...failed } = unknown(summaryTable);

/** The charts must draw all of these, ordinary or not. */
export const dataSets: Record<string, ChartData> = {
  'one workload, one corpus': data({ workloads: ['word-frequency'], corpora: ['10KB'] }),
  'cpu and io, three sizes': data({
    workloads: ['word-frequency', 'llm-extract'],
    corpora: ['10KB', '100KB', '500KB'],
  }),
  'five workloads, four corpora': data({ workloads: Object.keys(workloads), corpora: Object.keys(corpora) }),
  'two small panels': data({
    corpora: ['10KB', '100KB'],
    strategies: ['sequential', 'thread-pool', 'queue'],
    workers: [1, 2, 4],
  }),
  'only io': data({ workloads: ['llm-extract'] }),
  'no rows': from([], 2),
  'one worker count': data({ workers: [2] }),
  'one strategy': data({ strategies: ['thread-pool'] }),
  'only sequential': data({ strategies: ['sequential'] }),
  'no sequential': data({
    strategies: ['async', 'queue'],
    change: () => ({ speedup: null, efficiency_workers: null, efficiency_cores: null }),
  }),
  'unknown strategies': data({
    strategies: ['sequential', 'my-own', 'queue', 'another-one-with-a-rather-long-name'],
  }),
  'strategies and peers': data({ strategies: [...strategies, ...peers.map(({ name }) => name)] }),
  'fractional cores': data({ effectiveCores: 2.5, workers: [1, 2, 3, 4, 6] }),
  'one round': data({
    change: () => ({
      documents_per_second_low: null,
      documents_per_second_high: null,
      speedup_low: null,
      speedup_high: null,
    }),
  }),
  'a failed cell': data({ change: (row) => (row.strategy === 'queue' && row.workers === 2 ? failed : {}) }),
  'a failed strategy': data({ change: (row) => (row.strategy === 'queue' ? failed : {}) }),
  'sequential failed on one corpus': data({
    corpora: ['10KB', '100KB'],
    change: (row) => (row.strategy === 'sequential' && row.corpus === '10KB' ? failed : {}),
  }),
  'nothing but sequential on one corpus': data({
    corpora: ['10KB', '100KB'],
    change: (row) => (row.strategy !== 'sequential' && row.corpus === '10KB' ? failed : {}),
  }),
  'all failed': data({ change: () => failed }),
  'all zero': data({
    change: (row) => ({
      cpu_ms_per_document: 0,
      cpu_user_ms_per_document: 0,
      cpu_system_ms_per_document: 0,
      context_switches_per_document: 0,
      documents_per_second_low: row.documents_per_second,
    }),
  }),
};

/** These charts have worker counts on the x axis. */
export const overWorkers = ['throughput', 'speedup', 'efficiency', 'switches', 'memory'];

interface Choice {
  readonly workloads?: readonly string[];
  readonly corpora?: readonly string[];
  readonly strategies?: readonly string[];
  readonly workers?: readonly number[];
  readonly effectiveCores?: number;
  readonly change?: (row: SummaryRow) => Some<SummaryRow>;
}

/** Makes a run in which cpu work scales to the cores and other work to the workers. */
export function data(choice: Choice): ChartData {
  const effectiveCores = choice.effectiveCores ?? 2;
  const summaries = (choice.workloads ?? ['word-frequency']).flatMap((workload) =>
    (choice.corpora ?? ['10KB']).flatMap((corpus) =>
      (choice.strategies ?? strategies).flatMap((strategy) => {
        const counts = strategy === 'sequential' ? [1] : (choice.workers ?? [1, 2, 4, 8]);
        return counts.map((workers) => summary({ workload, corpus, strategy, workers, effectiveCores }));
      }),
    ),
  );
  return from(
    summaries.map((row) => made(summaryTable, { ...row, ...choice.change?.(row) })),
    effectiveCores,
  );
}

/** Makes the data of a run with these summaries, over three rounds that differ slightly. */
export function from(summaries: readonly SummaryRow[], effectiveCores: number): ChartData {
  const trials = [1, 2, 3].flatMap((round) =>
    summaries.map(
      (
        { workload, kind, corpus, document_bytes, strategy, workers, delivery, documents_per_second },
        index,
      ) => {
        const id = { workload, kind, corpus, document_bytes, strategy, workers, delivery };
        const place = { ...id, round, order: index + 1 };
        if (documents_per_second === null) return failedTrial(place);
        const wobble = 1 + 0.01 * (((round * 7 + index) % 3) - 1);
        return trial({ ...place, documents_per_second: documents_per_second * wobble });
      },
    ),
  );
  return {
    summaries,
    comparisons: compare(trials, { claims: 'suggests', baseline: 'sequential' }),
    scaling: [],
    projections: [],
    winners: winners(summaries, { trials, strategies: traitsOf(strategies), margins: marginsOf(trials) }),
    crossovers: crossovers(trials, {
      seed: 1,
      workloads: Object.keys(workloads),
      strategies: traitsOf(strategies),
    }),
    arrivals: summaries.flatMap((row) => [0.5, 0.8, 0.95].flatMap((share) => arrivalsOf(row, share))),
    limits: summaries.flatMap(limitsOf),
    stages: summaries.flatMap(stagesOf),
    trials,
    baseline: 'sequential',
    effectiveCores,
    memoryBytes: 8e9,
  };
}

/** Latencies grow towards the configuration's own rate, and beyond nine tenths of it the backlog grows. */
function arrivalsOf(row: SummaryRow, share: number): ArrivalSummaryRow[] {
  const { workload, kind, corpus, document_bytes, strategy, workers, delivery } = row;
  if (row.documents_per_second === null) return [];
  const p99 = 1000 / row.documents_per_second / (1 - share);
  const id = { workload, kind, corpus, document_bytes, strategy, workers, delivery };
  return [
    {
      ...unknown(arrivalSummaryTable),
      ...id,
      pattern: 'poisson',
      asked: `${100 * share}%`,
      offered_per_second: share * row.documents_per_second,
      schedules: 3,
      busy: false,
      falls_behind: share > 0.9,
      latency_p99_ms: p99,
      latency_p99_low_ms: row.documents_per_second_low === null ? null : p99 / 1.2,
      latency_p99_high_ms: row.documents_per_second_low === null ? null : p99 * 1.2,
      refused_share: 0,
      failed_share: 0,
    },
  ];
}

/** The second stage is the slowest: the first is blocked, and the third waits. */
function stagesOf(row: SummaryRow): StageRow[] {
  const { workload, kind, corpus, document_bytes, strategy, workers, delivery, documents_per_second } = row;
  if (documents_per_second === null || strategy !== 'thread-pool') return [];
  const id = { workload, kind, corpus, document_bytes, strategy, workers, delivery };
  return [
    ['load', 300, 640],
    ['encode', 950, 0],
    ['write', 200, 0],
  ].map(([stage, busy, blocked], i) => ({
    ...unknown(stageTable),
    schema: 1,
    run_id: 'made',
    round: 1,
    order: 1,
    ...id,
    attempt: 1,
    stage: stage as string,
    place: i + 1,
    stage_workers: workers,
    wall_ms: 1000,
    stage_documents: 100,
    bytes: 100 * document_bytes,
    busy_ms: workers * (busy as number),
    blocked_ms: workers * (blocked as number),
    idle_ms: workers * (980 - (busy as number) - (blocked as number)),
  }));
}

function limitsOf(row: SummaryRow): SloRow[] {
  const { workload, kind, corpus, document_bytes, strategy, workers, delivery, documents_per_second } = row;
  if (documents_per_second === null) return [];
  const knee = 0.7 * documents_per_second;
  const id = { workload, kind, corpus, document_bytes, strategy, workers, delivery };
  return [
    {
      ...unknown(sloTable),
      run_id: 'made',
      ...id,
      pattern: 'poisson',
      limit: 'p99<200ms',
      closed_loop_per_second: documents_per_second,
      knee_per_second: knee,
      knee_low: 0.9 * knee,
      knee_high: 1.1 * knee,
      confirmed_per_second: workers === 1 ? null : 0.9 * knee,
      probes: 11,
      void_probes: 0,
      seconds: 170,
    },
  ];
}

interface Cell {
  readonly workload: string;
  readonly corpus: string;
  readonly strategy: string;
  readonly workers: number;
  readonly effectiveCores: number;
}

function summary({ workload, corpus, strategy, workers, effectiveCores }: Cell): SummaryRow {
  const kind = workloads[workload as keyof typeof workloads];
  const document_bytes = corpora[corpus as keyof typeof corpora];
  const usable = kind === 'cpu' ? Math.min(workers, effectiveCores) : workers;
  const speedup = strategy === 'sequential' ? 1 : usable * 0.9;
  const rate = (1e7 / document_bytes) * speedup;
  return {
    ...unknown(summaryTable),
    workload,
    kind,
    corpus,
    document_bytes,
    strategy,
    workers,
    delivery: 'none',
    oversubscribed: kind === 'cpu' ? workers > effectiveCores : null,
    rounds: 5,
    documents_per_second: rate,
    documents_per_second_low: rate * 0.95,
    documents_per_second_high: rate * 1.05,
    megabytes_per_second: (rate * document_bytes) / 1e6,
    speedup,
    speedup_low: speedup * 0.96,
    speedup_high: speedup * 1.04,
    efficiency_workers: speedup / workers,
    efficiency_cores: kind === 'cpu' ? speedup / Math.min(workers, effectiveCores) : null,
    cpu_percent: 100 * speedup,
    cpu_ms_per_document: document_bytes / 1e4,
    cpu_user_ms_per_document: (0.8 * document_bytes) / 1e4,
    cpu_system_ms_per_document: (0.2 * document_bytes) / 1e4,
    event_loop_utilization: 0.3,
    rss_peak_bytes: 60e6 + 40e6 * workers,
    memory_peak_bytes: 50e6 + 20e6 * workers,
    context_switches_per_document: 1,
    startup_ms: 30,
    work_efficiency: 0.95,
    balance: 0.9,
    availability: 0.8,
    break_even_documents: 12,
    latency_p50_ms: 1,
    latency_p95_ms: 2,
    latency_p99_ms: 3,
    outcomes_failed: 0,
    digest_matches: true,
  };
}

export function chartNamed(name: string): Chart {
  const chart = charts.find((each) => each.name === name);
  assert.ok(chart, `no chart called "${name}"`);
  return chart;
}

export function panels(chart: Chart, set: ChartData): Spec[] {
  return (chart.spec(set).vconcat as Spec[]).flatMap((row) => row.hconcat as Spec[]);
}

/** Returns value, low and high of a chart's first point. */
export function shown(name: string, set: ChartData): unknown[] {
  const point = ((panels(chartNamed(name), set)[0] as Spec).data as { values: Spec[] }).values[0] as Spec;
  return [point.value, point.low, point.high];
}

/** Finds every value of a key, at any depth. */
export function found(node: unknown, key: string): unknown[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, child]) => (name === key ? [child] : found(child, key)));
}

export function distinct(numbers: unknown[]): unknown[] {
  return [...new Set(numbers)];
}
