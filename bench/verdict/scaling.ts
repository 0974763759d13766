import { groupBy } from '../stats/group-by.js';
import { line } from '../stats/line.js';
import { fitScaling, type NoScaling, predict, type Range, type Scaling } from '../stats/scaling.js';
import type { ThroughputFit } from '../stats/throughput-fit.js';
import { type FamilyId, sameCell } from '../tables/cell.js';
import { type ProjectionRow, type ScalingRow, scalingTable } from '../tables/scaling-columns.js';
import { unknown } from '../tables/table.js';
import { isOk, type TrialRow } from '../tables/trial-columns.js';
import type { Conclusion } from './conclude.js';
import { inNewRun, newRun } from './new-run.js';

export interface ScalingOptions {
  readonly effectiveCores: number;
  /** The memory that the run could use; left out where it does not matter how many workers fit into it. */
  readonly memoryBytes?: number;
  /** The bootstrap's seed; the same seed gives the same rows. */
  readonly seed: number;
  /** The bootstrap draws this many resamples of the rounds. */
  readonly resamples?: number;
}

/** A projection answers how long this many documents take. */
export interface Projection {
  readonly documents: number;
  /** All documents must be done within this time. */
  readonly deadlineHours: number;
  /** Numbers of workers that the data does not reach get no row. */
  readonly workers: readonly number[];
}

/**
 * A series shows throughput against workers, by the trials of one workload, corpus, strategy and delivery.
 */
export interface Series {
  readonly id: FamilyId & Pick<TrialRow, 'strategy' | 'delivery'>;
  readonly scaling: Scaling | NoScaling;
  /** Peak memory against workers. */
  readonly memory: MemoryLine | null;
}

export interface MemoryLine {
  readonly baseBytes: number;
  readonly perWorkerBytes: number;
  /** Most workers that fit; null where the memory is not known. */
  readonly maxWorkers: number | null;
}

/** The rest is for the system, and for peaks that no sample has seen. */
const usableMemory = 0.8;

/**
 * One series a workload, corpus, strategy and delivery, in their order of appearance. Twins are left out, and
 * so is what ran with one worker only, as `sequential` does. Cores bound `cpu` work alone.
 */
export function scalingSeries(
  trials: readonly TrialRow[],
  { effectiveCores, memoryBytes, seed, resamples }: ScalingOptions,
): Series[] {
  const measured = trials.filter(({ twin }) => twin === null).filter(isOk);
  const groups = groupBy(measured, ({ workload, corpus, source, strategy, delivery }) =>
    JSON.stringify([workload, corpus, source, strategy, delivery]),
  );
  return [...groups.values()]
    .filter((group) => group.some(({ workers }) => workers > 1))
    .map((group) => {
      const { workload, kind, corpus, source, strategy, delivery } = group[0];
      const points = group.map(({ round, workers, documents_per_second }) => ({
        round,
        workers,
        rate: documents_per_second,
      }));
      const cores = kind === 'cpu' ? effectiveCores : null;
      const options = resamples === undefined ? { cores, seed } : { cores, seed, resamples };
      const id = { workload, corpus, source, strategy, delivery };
      return { id, scaling: fitScaling(points, options), memory: memoryLine(group, memoryBytes) };
    });
}

/** Fits a line through the highest peak at each number of workers. Null where the slope may be 0. */
function memoryLine(trials: readonly TrialRow[], memoryBytes: number | undefined): MemoryLine | null {
  const levels = [...groupBy(trials, ({ workers }) => workers)].flatMap(([workers, members]) => {
    const peaks = members
      .map(({ memory_peak_bytes, rss_peak_bytes }) => memory_peak_bytes ?? rss_peak_bytes)
      .filter((peak) => peak !== null);
    return peaks.length === 0 ? [] : [{ x: workers, y: Math.max(...peaks) }];
  });
  const fitted = line(levels);
  if (fitted === null || fitted.slope <= fitted.slopeHalfWidth) return null;
  const { intercept: baseBytes, slope: perWorkerBytes } = fitted;
  const most =
    memoryBytes === undefined
      ? null
      : Math.max(0, Math.floor((usableMemory * memoryBytes - baseBytes) / perWorkerBytes));
  return { baseBytes, perWorkerBytes, maxWorkers: most };
}

/** Returns the fitted models as rows, or the reasons why there is none. */
export function scalingRows(series: readonly Series[]): ScalingRow[] {
  return series.map(({ id, scaling, memory }) => ({
    ...unknown(scalingTable),
    ...id,
    ...columnsOf(scaling),
    memory_base_bytes: memory?.baseBytes ?? null,
    memory_per_worker_bytes: memory?.perWorkerBytes ?? null,
    memory_workers_most: memory?.maxWorkers ?? null,
  }));
}

/**
 * Returns the models' throughput in a new run at each of the asked-for numbers of workers within reach, and
 * how long the documents take with it.
 */
export function projectionRows(
  series: readonly Series[],
  { workers, ...asked }: Projection,
): ProjectionRow[] {
  return series.flatMap(({ id, scaling }) => {
    if (scaling.state === 'none') return [];
    const predictions = workers
      .map((count) => predict(scaling, count))
      .filter((prediction) => prediction !== null);
    return predictions.map(({ workers, rate, trial, extrapolated }) => ({
      ...id,
      workers,
      ...taking({ rate, ...inNewRun({ rate, ...trial }) }, asked),
      model: scaling.fit.model,
      extrapolated,
    }));
  });
}

/**
 * Returns how long the documents take with the suggested cell of each workload and corpus, by what was
 * measured, without a model. A cell with a single round has no interval, and gets no row.
 */
export function measuredRows(
  conclusions: readonly Conclusion[],
  { trials, ...asked }: Omit<Projection, 'workers'> & { readonly trials: readonly TrialRow[] },
): ProjectionRow[] {
  return conclusions.flatMap(({ choice }) => {
    const { workload, corpus, source, strategy, delivery, workers } = choice;
    const { mean: rate, low, high } = newRun(trials.filter((trial) => sameCell(trial, choice)));
    if (low === null || high === null) return [];
    const id = { workload, corpus, source, strategy, delivery, workers };
    return [{ ...id, ...taking({ rate, low, high }, asked), model: 'measured', extrapolated: false }];
  });
}

function taking(
  { rate, low, high }: { rate: number; low: number; high: number },
  { documents, deadlineHours }: Omit<Projection, 'workers'>,
) {
  const hours = (perSecond: number) => documents / perSecond / 3600;
  const machines = (perSecond: number) => Math.ceil(hours(perSecond) / deadlineHours);
  return {
    documents_per_second: rate,
    documents_per_second_low: low,
    documents_per_second_high: high,
    documents,
    hours: hours(rate),
    hours_low: hours(high),
    hours_high: hours(low),
    deadline_hours: deadlineHours,
    machines: machines(rate),
    machines_low: machines(high),
    machines_high: machines(low),
  };
}

function columnsOf(scaling: Scaling | NoScaling) {
  if (scaling.state === 'none') {
    const { levels, trials, reason } = scaling;
    return { levels: levels.join(' '), trials, model: 'none' as const, reason };
  }
  const { fit, levels, reason, intervals, peak, recommended, reach, residual } = scaling;
  const { model, parameters, trials, aicc } = fit;
  // λ, σ and δ are fitted in any case; a fourth is the cap.
  const capRange = model === 'capped' && fit.fitted === 4 ? intervals?.cap : null;
  return {
    levels: levels.join(' '),
    trials,
    ...parametersOf(fit),
    reason,
    lambda: parameters.lambda,
    sigma: parameters.sigma,
    ...ends('lambda', intervals?.lambda),
    ...ends('sigma', intervals?.sigma),
    ...ends('kappa', model === 'usl' ? intervals?.kappa : null),
    ...ends('delta', model === 'capped' ? intervals?.delta : null),
    ...ends('cap', capRange),
    peak_workers: peak?.workers ?? null,
    ...ends('peak', peak?.range),
    recommended_workers: recommended,
    reach_workers: reach,
    residual_percent: 100 * residual.sd,
    aicc: Number.isFinite(aicc) ? aicc : null,
  };
}

/** The model's own parameters; the others are null. */
function parametersOf({ model, parameters: { kappa, delta, cap } }: ThroughputFit) {
  if (model === 'usl') return { model, kappa, delta: null, cap: null };
  if (model === 'capped') return { model, kappa: null, delta, cap };
  return { model, kappa: null, delta: null, cap: null };
}

function ends<Name extends string>(name: Name, range: Range | null | undefined) {
  return { [`${name}_low`]: range?.low ?? null, [`${name}_high`]: range?.high ?? null } as Record<
    `${Name}_low` | `${Name}_high`,
    number | null
  >;
}
