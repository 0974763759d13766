import type { StrategyTraits } from '../../strategies/strategy.js';
import { breakEvenDocuments, type Factors, factors, karpFlatt } from '../stats/efficiency.js';
import { geometricInterval, type Interval, mean, median } from '../stats/estimate.js';
import { groupBy } from '../stats/group-by.js';
import { enoughLong } from '../stats/moderated.js';
import { cellKey, cellOf, sameFamily } from './cell.js';
import type { Environment } from './environment.js';
import { type SummaryRow, summaryTable } from './summary-columns.js';
import { unknown } from './table.js';
import { isOk, type OkTrial, type TrialRow } from './trial-columns.js';

/** These functions compute everything that a run's trials say about its cells, from the rows alone. */

export interface SummariseOptions {
  readonly effectiveCores: number;
  /** Rows are ordered by workload and corpus, then by strategy, then by workers. */
  readonly corpora: readonly { readonly workload: string; readonly corpus: string }[];
  readonly strategies: readonly Pick<StrategyTraits, 'name' | 'baseline'>[];
  /** The workers of these strategies have cores of other machines. Absent: none have. */
  readonly elsewhere?: readonly string[];
}

/** Summarises each cell of a run in one row. */
export function summarise(trials: readonly TrialRow[], options: SummariseOptions): SummaryRow[] {
  const cells = groupBy(trials, cellKey);
  const baselineName = options.strategies.find(({ baseline }) => baseline)?.name;
  const place = ({ workload, corpus, strategy, workers }: SummaryRow) =>
    [
      options.corpora.findIndex((entry) => entry.workload === workload && entry.corpus === corpus),
      options.strategies.findIndex(({ name }) => name === strategy),
      workers,
    ] as const;
  return [...cells.values()]
    .map((cell) =>
      summariseCell(cell, { all: trials, effectiveCores: coresOf(cell[0], options), baselineName }),
    )
    .sort((a, b) => {
      const [p, q] = [place(a), place(b)];
      return p[0] - q[0] || p[1] - q[1] || p[2] - q[2];
    });
}

/** The cores of this machine do not limit workers that are elsewhere: they have one each. */
function coresOf(
  { strategy, workers }: TrialRow,
  { effectiveCores, elsewhere = [] }: Pick<SummariseOptions, 'effectiveCores' | 'elsewhere'>,
): number {
  return elsewhere.includes(strategy) ? workers : effectiveCores;
}

/**
 * Returns the strategies whose agents were there before the run, and that may have other machines.
 * @param flags the options of the run
 */
export function strategiesElsewhere(
  { flags }: Pick<Environment, 'flags'>,
  strategies: readonly Pick<StrategyTraits, 'name' | 'isolation'>[],
): string[] {
  if (typeof flags.broker !== 'string' || flags.broker === ownBroker) return [];
  return strategies.filter(({ isolation }) => isolation === 'machine').map(({ name }) => name);
}

/** `pick --broker own`: each trial starts its own. */
export const ownBroker = 'own';

/** Returns log(rate of a ÷ rate of b) for each round in which the trials of both cells were ok. */
export function pairedLogRatios(a: readonly TrialRow[], b: readonly TrialRow[]): number[] {
  const rates = new Map(b.filter(isOk).map((trial) => [trial.round, comparableRate(trial)]));
  return a.filter(isOk).flatMap((trial) => {
    const other = rates.get(trial.round);
    return other === undefined ? [] : [Math.log(comparableRate(trial) / other)];
  });
}

/**
 * Returns documents per second on the average document of the run's sample. It is the trial's own rate
 * unless configurations ran different parts of the sample.
 */
export function comparableRate({ documents_per_second, documents_cost_ratio }: OkTrial): number {
  return documents_per_second * (documents_cost_ratio ?? 1);
}

/**
 * Returns the trials of one cell that count: all of them, or only the longer ones if there are enough of them
 * (`stats/moderated.ts` says why).
 */
export function withoutScreening<Trial extends Pick<TrialRow, 'screening'>>(
  trials: readonly Trial[],
): readonly Trial[] {
  const long = trials.filter(({ screening }) => screening !== true);
  return long.length >= enoughLong ? long : trials;
}

interface CellOptions {
  /** These are the trials of the whole run. */
  readonly all: readonly TrialRow[];
  readonly effectiveCores: number;
  readonly baselineName: string | undefined;
}

function summariseCell(
  cell: readonly [TrialRow, ...TrialRow[]],
  { all, effectiveCores, baselineName }: CellOptions,
): SummaryRow {
  const id = cellOf(cell[0]);
  const { kind, strategy, workers, document_bytes } = id;
  const ok = withoutScreening(cell.filter(isOk));
  const digest_matches = cell.some(({ digest_matches }) => digest_matches !== null)
    ? cell.every(({ digest_matches }) => digest_matches !== false)
    : null;
  const oversubscribed = kind === 'cpu' ? workers > effectiveCores : null;
  if (ok.length === 0) return { ...unknown(summaryTable), ...id, oversubscribed, rounds: 0, digest_matches };

  const rate = geometricInterval(ok.map(comparableRate));
  const baseline = all.filter((trial) => sameFamily(trial, cell[0]) && trial.strategy === baselineName);
  const speedup = speedupOver(baseline, ok);
  const start = startOf(ok);
  return {
    ...id,
    oversubscribed,
    rounds: ok.length,
    documents_per_second: rate.mean,
    documents_per_second_low: rate.low,
    documents_per_second_high: rate.high,
    megabytes_per_second: (rate.mean * document_bytes) / 1e6,
    speedup: speedup?.mean ?? null,
    speedup_low: speedup?.low ?? null,
    speedup_high: speedup?.high ?? null,
    efficiency_workers: speedup === null ? null : speedup.mean / workers,
    efficiency_cores:
      speedup === null || kind !== 'cpu' ? null : speedup.mean / Math.min(workers, effectiveCores),
    ...meanFactors(ok, baseline),
    karp_flatt:
      speedup === null || kind !== 'cpu'
        ? null
        : karpFlatt({ speedup: speedup.mean, workers, cores: effectiveCores }),
    break_even_documents:
      start.startup_ms === null || speedup === null || strategy === baselineName
        ? null
        : breakEvenDocuments({
            startMs: lostPerStart(start) - lostPerStart(startOf(withoutScreening(baseline.filter(isOk)))),
            rate: rate.mean,
            sequentialRate: rate.mean / speedup.mean,
          }),
    cpu_percent: over(ok, mean, (trial) => trial.cpu_percent),
    cpu_ms_per_document: over(ok, mean, (trial) =>
      perDocument(trial, sum(trial.cpu_user_ms, trial.cpu_system_ms)),
    ),
    cpu_user_ms_per_document: over(ok, mean, (trial) => perDocument(trial, trial.cpu_user_ms)),
    cpu_system_ms_per_document: over(ok, mean, (trial) => perDocument(trial, trial.cpu_system_ms)),
    event_loop_utilization: over(ok, mean, (trial) => trial.event_loop_utilization),
    rss_peak_bytes: over(
      ok,
      (values) => Math.max(...values),
      (trial) => trial.rss_peak_bytes,
    ),
    memory_peak_bytes: over(
      ok,
      (values) => Math.max(...values),
      (trial) => trial.memory_peak_bytes,
    ),
    context_switches_per_document: over(ok, mean, (trial) =>
      perDocument(trial, sum(trial.context_switches_voluntary, trial.context_switches_involuntary)),
    ),
    ...start,
    latency_p50_ms: over(ok, median, (trial) => trial.latency_p50_ms),
    latency_p95_ms: over(ok, median, (trial) => trial.latency_p95_ms),
    latency_p99_ms: over(ok, median, (trial) => trial.latency_p99_ms),
    outcomes_failed: ok.reduce((sum, { outcomes_failed }) => sum + outcomes_failed, 0),
    digest_matches,
  };
}

/**
 * Takes geometric means over the rounds in which both trials are known, so that the product of the means is
 * the mean of the products.
 */
function meanFactors(
  cell: readonly TrialRow[],
  baseline: readonly TrialRow[],
): Pick<SummaryRow, 'work_efficiency' | 'balance' | 'availability'> {
  const rounds = cell.flatMap((trial) => {
    const sequential = baseline.find(({ round, status }) => round === trial.round && status === 'ok');
    const found = sequential === undefined ? null : factorsOf(trial, sequential);
    return found === null ? [] : [found];
  });
  if (rounds.length === 0) return { work_efficiency: null, balance: null, availability: null };
  const geometric = (values: number[]) => Math.exp(mean(values.map(Math.log)));
  return {
    work_efficiency: geometric(rounds.map(({ work }) => work)),
    balance: geometric(rounds.map(({ balance }) => balance)),
    availability: geometric(rounds.map(({ availability }) => availability)),
  };
}

function factorsOf(trial: TrialRow, sequential: TrialRow): Factors | null {
  const { busy_ms, busy_max_ms, wall_ms, workers } = trial;
  if (busy_ms === null || busy_max_ms === null || wall_ms === null || sequential.wall_ms === null)
    return null;
  const documents = ({ passes, documents }: TrialRow) => (passes ?? 0) * documents;
  const perDocument = sequential.wall_ms / documents(sequential);
  return factors({
    sequential: perDocument * documents(trial),
    wall: wall_ms,
    busy: busy_ms,
    busiest: busy_max_ms,
    workers,
  });
}

function speedupOver(baseline: readonly TrialRow[], cell: readonly TrialRow[]): Interval | null {
  const ratios = pairedLogRatios(cell, baseline);
  return ratios.length === 0 ? null : geometricInterval(ratios.map(Math.exp));
}

type Start = Pick<SummaryRow, 'startup_ms' | 'cold_code_ms'>;

function startOf(trials: readonly TrialRow[]): Start {
  const cold = over(trials, median, ({ cold_code_ms }) => cold_code_ms);
  return {
    startup_ms: over(trials, median, ({ startup_ms }) => startup_ms),
    cold_code_ms: cold === null ? null : Math.max(0, cold),
  };
}

/** The time that a program loses per start, ms: until workers are ready, and until their code is warm. */
export function lostPerStart({ startup_ms, cold_code_ms }: Start): number {
  return (startup_ms ?? 0) + (cold_code_ms ?? 0);
}

/** Applies a statistic to the trials in which the value is known. It is null if no trial has the value. */
function over(
  trials: readonly TrialRow[],
  statistic: (values: number[]) => number | null,
  value: (trial: TrialRow) => number | null,
): number | null {
  const values = trials.map(value).filter((value) => value !== null);
  return values.length === 0 ? null : statistic(values);
}

function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

function perDocument({ passes, documents }: TrialRow, total: number | null): number | null {
  return total === null || passes === null ? null : total / (passes * documents);
}
