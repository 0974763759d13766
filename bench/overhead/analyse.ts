import { meanInterval, quantile } from '../stats/estimate.js';
import { groupBy, type NonEmpty } from '../stats/group-by.js';
import { metg, type SizedTask, sizeAtGranularity } from '../stats/metg.js';
import { paired } from '../stats/paired.js';
import type {
  CopyTime,
  GranularityPoint,
  MetgRow,
  OkOverheadTrial,
  OverheadRatio,
  OverheadSummary,
  OverheadTrial,
} from './columns.js';
import type { Series } from './series.js';

/** The rows of the dispatch benchmark are turned into its results here. */

type CellId = Pick<OverheadTrial, 'strategy' | 'delivery' | 'in_flight' | 'workers' | 'document_bytes'>;
/** Traits of a strategy that its rows do not have. */
export interface Kind {
  readonly isolation: OverheadSummary['isolation'];
  readonly role: OverheadSummary['role'];
  readonly transferred: boolean;
  readonly given: Series['given'];
  /** Copies that a document needs; null without workers. */
  readonly copies: number | null;
}

/** The traits of a series that its rows do not have. */
export function kindOf({ loaded, role, transferred, given, shared }: Series): Kind {
  const { isolation } = loaded.strategy;
  return { isolation, role, transferred, given, copies: copiesOf({ isolation, transferred, given, shared }) };
}

/**
 * Bytes of the caller are copied into memory that the worker sees, and out of it into the task's own buffer.
 * A shared view spares the second copy in a thread, but not in a process, which reads a file. A file is
 * copied once, out of the page cache. A buffer that is given away, or that the worker has already, is not
 * copied.
 */
function copiesOf({
  isolation,
  transferred,
  given,
  shared,
}: Pick<Kind, 'isolation' | 'transferred' | 'given'> & Pick<Series, 'shared'>): number | null {
  if (isolation === 'none') return null;
  if (given === 'resolve' || transferred) return 0;
  return given === 'path' || (shared && isolation === 'thread') ? 1 : 2;
}

/** A document costs this much beside its copies in the limit, µs. */
const besideCopiesUs = 1;

/** The limit at each size, µs, for a number of copies: the median over the rounds counts as a copy's time. */
export function limitsOf(times: readonly CopyTime[], copies: number): Map<number, number> {
  return new Map(
    [...groupBy(times, ({ document_bytes }) => document_bytes)].map(([bytes, same]) => [
      bytes,
      copies *
        (quantile(
          same.map(({ copy_us }) => copy_us),
          0.5,
        ) as number) +
        besideCopiesUs,
    ]),
  );
}

/** Finds the trial with the least overhead among those of one strategy and size; null if all failed. */
export function bestConfiguration<T extends Pick<OverheadTrial, 'overhead_us'>>(
  trials: readonly T[],
): T | null {
  const overheadOf = (trial: T | null) => trial?.overhead_us ?? Number.POSITIVE_INFINITY;
  return trials.reduce<T | null>(
    (best, trial) => (overheadOf(trial) < overheadOf(best) ? trial : best),
    null,
  );
}

/**
 * Summarises each measured cell as a row: strategies in the order of `kinds`, then sizes and workers
 * rising.
 */
export function summariseOverhead(
  trials: readonly OverheadTrial[],
  kinds: ReadonlyMap<string, Kind>,
  copyTimes: readonly CopyTime[] = [],
): OverheadSummary[] {
  const order = [...kinds.keys()];
  const summaries = [...cells(trials).values()].map((cell): OverheadSummary => {
    const { mean, low, high } = meanInterval(cell.map(({ overhead_us }) => Math.log(overhead_us)));
    const [first] = cell;
    const { isolation, role, copies } = kinds.get(first.strategy) as Kind;
    const limit_us = copies === null ? null : (limitsOf(copyTimes, copies).get(first.document_bytes) ?? null);
    return {
      ...idOf(first),
      isolation,
      role,
      rounds: cell.length,
      overhead_us: Math.exp(mean),
      overhead_us_lower: low === null ? null : Math.exp(low),
      overhead_us_upper: high === null ? null : Math.exp(high),
      copies,
      limit_us,
      of_limit: limit_us === null ? null : Math.exp(mean) / limit_us,
    };
  });
  return summaries.sort(
    (a, b) =>
      order.indexOf(a.strategy) - order.indexOf(b.strategy) ||
      a.document_bytes - b.document_bytes ||
      a.workers - b.workers,
  );
}

/**
 * Compares our strategies with the best rival pool, for each size, number of workers and isolation: once
 * with the pools that leave the documents to their caller, as ours do, and once with pools that take them
 * away. Where a worker reads the file, the rivals read it, too; a `resolve` that has its buffer already, and
 * the runner, are compared with rivals that are given bytes.
 */
export function ratios(trials: readonly OverheadTrial[], kinds: ReadonlyMap<string, Kind>): OverheadRatio[] {
  const summaries = summariseOverhead(trials, kinds);
  const byCell = cells(trials);
  const rivalsGiven = (name: string) => (kinds.get(name)?.given === 'path' ? 'path' : 'bytes');
  return summaries
    .filter(({ role }) => role === 'ours')
    .flatMap((mine) => [false, true].map((transferred) => ({ mine, transferred })))
    .flatMap(({ mine, transferred }): OverheadRatio[] => {
      const rivals = summaries.filter(
        ({ strategy, role, isolation, workers, document_bytes }) =>
          role === 'pool' &&
          kinds.get(strategy)?.transferred === transferred &&
          kinds.get(strategy)?.given === rivalsGiven(mine.strategy) &&
          isolation === mine.isolation &&
          workers === mine.workers &&
          document_bytes === mine.document_bytes,
      );
      const rival = bestConfiguration(rivals);
      if (rival === null) return [];
      const logs = pairsByRound(byCell.get(keyOf(mine)) ?? [], byCell.get(keyOf(rival)) ?? []);
      const [first, ...others] = logs;
      if (first === undefined) return [];
      const { mean, low, high } = others.length > 0 ? paired(logs) : { mean: first, low: null, high: null };
      return [
        {
          ...idOf(mine),
          documents: transferred ? 'transferred' : 'kept',
          rival: rival.strategy,
          rival_delivery: rival.delivery,
          rival_in_flight: rival.in_flight,
          ratio: Math.exp(mean),
          ratio_lower: low === null ? null : Math.exp(low),
          ratio_upper: high === null ? null : Math.exp(high),
        },
      ];
    });
}

/** METG is computed for these levels of efficiency. */
export const levels = [0.5, 0.8] as const;

/** @param tasks how long word-frequency takes on documents of several sizes */
export function metgRows(
  measured: readonly GranularityPoint[],
  { tasks, seed }: { readonly tasks: readonly SizedTask[]; readonly seed: number },
): MetgRow[] {
  const points = calibrated(measured);
  return [...groupBy(points, keyOf).values()].flatMap((series) =>
    levels.map((e): MetgRow => {
      const sweep = series.map(({ round, steps, granularity_us, efficiency }) => ({
        round,
        iterations: steps,
        granularityUs: granularity_us,
        efficiency,
      }));
      const row = { ...idOf(series[0]), efficiency: e };
      const unknown = {
        reason: null,
        metg_us: null,
        metg_us_lower: null,
        metg_us_upper: null,
        word_frequency_bytes: null,
      };
      const found = metg(sweep, { e, seed });
      if (found.kind === 'refused') return { ...row, ...unknown, kind: 'refused', reason: found.reason };
      if (found.kind === 'below')
        return { ...row, ...unknown, kind: 'below', metg_us_upper: found.granularityUs };
      const { granularityUs, interval } = found;
      return {
        ...row,
        kind: 'found',
        reason: null,
        metg_us: granularityUs,
        metg_us_lower: interval?.low ?? null,
        metg_us_upper: interval?.high ?? null,
        word_frequency_bytes: sizeAtGranularity(tasks, e * granularityUs),
      };
    }),
  );
}

/** Averages the points over the rounds for the chart, as geometric means. */
export function meanPoints(
  measured: readonly GranularityPoint[],
): Pick<GranularityPoint, 'strategy' | 'granularity_us' | 'efficiency'>[] {
  return [...groupBy(calibrated(measured), (point) => `${keyOf(point)} ${point.steps}`).values()].map(
    (same) => ({
      strategy: same[0].strategy,
      granularity_us: geometricMean(same.map(({ granularity_us }) => granularity_us)),
      efficiency: geometricMean(same.map(({ efficiency }) => efficiency)),
    }),
  );
}

/**
 * A number of kernel steps is the same work in every trial of the run, however well the compiler optimised
 * it when it was timed alone. The duration of that work is therefore the median over all trials.
 */
function calibrated(points: readonly GranularityPoint[]): GranularityPoint[] {
  const taskUs = new Map(
    [...groupBy(points, ({ steps }) => steps)].map(([steps, same]) => [
      steps,
      quantile(
        same.map(({ task_us }) => task_us),
        0.5,
      ) as number,
    ]),
  );
  return points.map((point) => ({
    ...point,
    efficiency: (taskUs.get(point.steps) as number) / point.granularity_us,
  }));
}

/** Returns the valid trials of the second phase, grouped by cell. */
function cells(trials: readonly OverheadTrial[]): Map<string, NonEmpty<OkOverheadTrial>> {
  return groupBy(trials.filter(isOk), keyOf);
}

function isOk(trial: OverheadTrial): trial is OkOverheadTrial {
  return trial.phase === 'measure' && trial.status === 'ok';
}

/** Takes the log of theirs ÷ mine, for every round that has both. */
function pairsByRound(mine: readonly OkOverheadTrial[], theirs: readonly OkOverheadTrial[]): number[] {
  return mine.flatMap(({ round, overhead_us }) => {
    const other = theirs.find((trial) => trial.round === round);
    return other === undefined ? [] : [Math.log(other.overhead_us / overhead_us)];
  });
}

function idOf({ strategy, delivery, in_flight, workers, document_bytes }: CellId): CellId {
  return { strategy, delivery, in_flight, workers, document_bytes };
}

function keyOf(cell: CellId): string {
  return JSON.stringify(idOf(cell));
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
