import { groupBy } from '../group-by.js';
import type { TrialRow } from '../results/columns.js';
import { unknown } from '../results/columns.js';
import { type ProjectionRow, type ScalingRow, scalingColumns } from '../results/scaling-columns.js';
import { valid } from '../results/summarise.js';
import { fitScaling, type NoScaling, predict, type Range, type Scaling } from '../stats/scaling.js';

export interface ScalingOptions {
  readonly effectiveCores: number;
  /** Of the bootstrap; the same one gives the same rows. */
  readonly seed: number;
  /** Bootstrap resamples of the rounds. */
  readonly resamples?: number;
}

export interface ProjectionOptions extends ScalingOptions {
  /** How many documents the hours are for. */
  readonly documents: number;
  /** Numbers of workers to ask about; those the data does not reach get no row. */
  readonly workers: readonly number[];
}

/** What the trials of one workload, corpus, strategy and delivery say of throughput against workers. */
export interface Series {
  readonly id: Pick<TrialRow, 'workload' | 'corpus' | 'strategy' | 'delivery'>;
  readonly scaling: Scaling | NoScaling;
}

/**
 * One series a workload, corpus, strategy and delivery, in their order of appearance. Twins are left out, and so is what ran with
 * one worker only, as `sequential` does. Cores bound `cpu` work alone.
 */
export function scalingSeries(trials: readonly TrialRow[], { effectiveCores, seed, resamples }: ScalingOptions): Series[] {
  const measured = trials.filter(({ twin }) => twin === null).filter(valid);
  const groups = groupBy(measured, ({ workload, corpus, strategy, delivery }) => JSON.stringify([workload, corpus, strategy, delivery]));
  return [...groups.values()]
    .filter((group) => group.some(({ workers }) => workers > 1))
    .map((group) => {
      const { workload, kind, corpus, strategy, delivery } = group[0] as TrialRow;
      const points = group.map(({ round, workers, documents_per_second }) => ({ round, workers, rate: documents_per_second }));
      const cores = kind === 'cpu' ? effectiveCores : null;
      const options = resamples === undefined ? { cores, seed } : { cores, seed, resamples };
      return { id: { workload, corpus, strategy, delivery }, scaling: fitScaling(points, options) };
    });
}

/** The fitted models, or the reasons why there is none, as rows. */
export function scalingRows(series: readonly Series[]): ScalingRow[] {
  return series.map(({ id, scaling }) => ({ ...unknown(scalingColumns), ...id, ...columnsOf(scaling) }));
}

/** The models' throughput at each of the asked-for numbers of workers within reach, and what it means for that many documents. */
export function projectionRows(
  series: readonly Series[],
  { documents, workers }: Pick<ProjectionOptions, 'documents' | 'workers'>,
): ProjectionRow[] {
  const hours = (rate: number) => documents / rate / 3600;
  return series.flatMap(({ id, scaling }) => {
    if (scaling.state === 'none') return [];
    const predictions = workers.map((count) => predict(scaling, count)).filter((prediction) => prediction !== null);
    return predictions.map(({ workers, rate, trial, extrapolated }) => ({
      ...id,
      workers,
      documents_per_second: rate,
      documents_per_second_low: trial.low,
      documents_per_second_high: trial.high,
      documents,
      hours: hours(rate),
      hours_low: hours(trial.high),
      hours_high: hours(trial.low),
      model: scaling.fit.model,
      extrapolated,
    }));
  });
}

/** Straight from the trials; who wants both tables makes the series once and asks for the rows of each. */
export function projections(trials: readonly TrialRow[], options: ProjectionOptions): ProjectionRow[] {
  return projectionRows(scalingSeries(trials, options), options);
}

function columnsOf(scaling: Scaling | NoScaling) {
  if (scaling.state === 'none') {
    const { levels, trials, reason } = scaling;
    return { levels: levels.join(' '), trials, model: 'none', reason };
  }
  const { fit, levels, reason, intervals, peak, recommended, reach, residual } = scaling;
  const { model, parameters, trials, aicc } = fit;
  const cap = model === 'capped' ? parameters.cap : null;
  // λ, σ and δ are fitted in any case; a fourth is the cap.
  const capRange = model === 'capped' && fit.fitted === 4 ? intervals?.cap : null;
  return {
    levels: levels.join(' '),
    trials,
    model,
    reason,
    lambda: parameters.lambda,
    sigma: parameters.sigma,
    kappa: model === 'usl' ? parameters.kappa : null,
    delta: model === 'capped' ? parameters.delta : null,
    cap,
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

function ends<Name extends string>(name: Name, range: Range | null | undefined) {
  return { [`${name}_low`]: range?.low ?? null, [`${name}_high`]: range?.high ?? null } as Record<
    `${Name}_low` | `${Name}_high`,
    number | null
  >;
}
