import { crossover, type SizedRatio } from '../stats/crossover.js';
import { groupBy } from '../stats/group-by.js';
import type { TrialRow } from '../tables/columns.js';
import type { CrossoverRow } from '../tables/situation-columns.js';
import { valid } from '../tables/summarise.js';

/** A smaller gain is of no use to anyone, and noise makes one of nothing. */
const leastGain = 1.03;

/** Corpora of documents of one size each; a mixture has a mean size that no document needs to have. */
function ofOneSize({ corpus }: TrialRow): boolean {
  return corpus !== 'mixed' && corpus !== 'docs';
}

export interface CrossoverOptions {
  readonly seed: number;
  /** The order of the rows: by workload, by strategy, by workers. */
  readonly workloads: readonly string[];
  readonly strategies: readonly string[];
}

/** From which document size on each strategy is faster than `sequential`, at each number of workers. */
export function crossovers(
  trials: readonly TrialRow[],
  { seed, workloads, strategies }: CrossoverOptions,
): CrossoverRow[] {
  const measured = trials
    .filter(({ twin }) => twin === null)
    .filter(valid)
    .filter(ofOneSize);
  const baseline = new Map(
    measured
      .filter(({ strategy }) => strategy === 'sequential')
      .map((trial) => [placeOf(trial), trial.documents_per_second]),
  );
  const series = groupBy(
    measured.filter(({ strategy }) => strategy !== 'sequential'),
    ({ workload, strategy, delivery, workers }) => JSON.stringify([workload, strategy, delivery, workers]),
  );
  const rows = [...series.values()].map((group): CrossoverRow => {
    const { workload, strategy, delivery, workers } = group[0] as TrialRow;
    const points = group.flatMap((trial): SizedRatio[] => {
      const sequential = baseline.get(placeOf(trial));
      return sequential === undefined
        ? []
        : [
            {
              round: trial.round,
              bytes: trial.document_bytes,
              ratio: trial.documents_per_second / sequential,
            },
          ];
    });
    const sizes = points.map(({ bytes }) => bytes);
    const range =
      sizes.length === 0
        ? { bytes_smallest: null, bytes_largest: null }
        : { bytes_smallest: Math.min(...sizes), bytes_largest: Math.max(...sizes) };
    const found = crossover(points, { seed, least: leastGain });
    return {
      workload,
      strategy,
      delivery,
      workers,
      kind: found.kind,
      bytes: found.kind === 'within' ? found.bytes : null,
      bytes_low: found.kind === 'within' ? found.low : null,
      bytes_high: found.kind === 'within' ? found.high : null,
      ...range,
      reason: found.kind === 'unknown' ? found.reason : null,
    };
  });
  return rows.sort(
    (a, b) =>
      workloads.indexOf(a.workload) - workloads.indexOf(b.workload) ||
      strategies.indexOf(a.strategy) - strategies.indexOf(b.strategy) ||
      a.workers - b.workers,
  );
}

/** Where `sequential` of the same round stands. */
function placeOf({ workload, corpus, round }: TrialRow): string {
  return JSON.stringify([workload, corpus, round]);
}
