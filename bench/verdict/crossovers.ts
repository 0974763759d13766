import { type Crossover, crossover, type SizedRatio } from '../stats/crossover.js';
import { groupBy } from '../stats/group-by.js';
import { type Family, interval, moderate } from '../stats/moderated.js';
import type { CrossoverRow } from '../tables/situation-columns.js';
import { isOk, type TrialRow } from '../tables/trial-columns.js';
import { configurationName, familyOf, logRates, type Traits } from './configurations.js';

/** Noise alone makes a smaller gain out of nothing. */
const minGain = 1.03;

/** A mixture has a mean size that no document needs to have, so only corpora of one size count. */
function hasOneSize({ corpus }: TrialRow): boolean {
  return corpus !== 'mixed' && corpus !== 'docs';
}

export interface CrossoverOptions {
  readonly seed: number;
  /** Rows are ordered by workload, by strategy, by workers. */
  readonly workloads: readonly string[];
  readonly strategies: readonly Pick<Traits, 'name' | 'baseline'>[];
}

/**
 * Finds the document size at which each strategy begins to be faster than the baseline, at each number of
 * workers. The estimate has a bootstrap interval. Beside it are the sizes at which the calibrated intervals
 * show a gain, or show that there is none.
 */
export function crossovers(
  trials: readonly TrialRow[],
  { seed, workloads, strategies }: CrossoverOptions,
): CrossoverRow[] {
  const measured = trials
    .filter(({ twin }) => twin === null)
    .filter(isOk)
    .filter(hasOneSize);
  const baseline = strategies.find((strategy) => strategy.baseline)?.name;
  const rates = new Map(
    measured
      .filter(({ strategy }) => strategy === baseline)
      .map((trial) => [placeOf(trial), trial.documents_per_second]),
  );
  const families = new Map(
    [...groupBy(measured, familyOf)].map(([key, family]) => [key, moderate(logRates(family))]),
  );
  const reference = measured.find(({ strategy }) => strategy === baseline);
  const series = groupBy(
    measured.filter(({ strategy }) => strategy !== baseline),
    ({ workload, strategy, delivery, workers }) => JSON.stringify([workload, strategy, delivery, workers]),
  );
  const rows = [...series.values()].map((group): CrossoverRow => {
    const [{ workload, strategy, delivery, workers }] = group;
    const points = group.flatMap((trial): SizedRatio[] => {
      const rate = rates.get(placeOf(trial));
      const ratio = rate === undefined ? null : trial.documents_per_second / rate;
      return ratio === null ? [] : [{ round: trial.round, bytes: trial.document_bytes, ratio }];
    });
    const found = crossover(points, { seed, least: minGain });
    const shown = shownSizes(group, { families, reference });
    return {
      workload,
      strategy,
      delivery,
      workers,
      ...gainOf(found),
      ...rangeOf(points.map(({ bytes }) => bytes)),
      shown_from_bytes: shown.from,
      shown_until_bytes: shown.until,
    };
  });
  const place = (name: string) => strategies.findIndex((strategy) => strategy.name === name);
  return rows.sort(
    (a, b) =>
      workloads.indexOf(a.workload) - workloads.indexOf(b.workload) ||
      place(a.strategy) - place(b.strategy) ||
      a.workers - b.workers,
  );
}

function gainOf(found: Crossover) {
  const unknown = { bytes: null, bytes_low: null, bytes_high: null, reason: null };
  if (found.kind === 'unknown') return { ...unknown, kind: found.kind, reason: found.reason };
  if (found.kind !== 'within') return { ...unknown, kind: found.kind };
  return { kind: found.kind, bytes: found.bytes, bytes_low: found.low, bytes_high: found.high, reason: null };
}

function rangeOf(sizes: readonly number[]) {
  return sizes.length === 0
    ? { bytes_smallest: null, bytes_largest: null }
    : { bytes_smallest: Math.min(...sizes), bytes_largest: Math.max(...sizes) };
}

/**
 * Collects what the intervals show about one configuration over the sizes.
 * @returns `from`: the smallest size with a gain that is shown at it and at every larger size; `until`: the
 * largest size at which it is shown that there is no gain. Null where there is no such size.
 */
function shownSizes(
  group: readonly TrialRow[],
  {
    families,
    reference,
  }: { readonly families: ReadonlyMap<string, Family>; readonly reference: TrialRow | undefined },
): { readonly from: number | null; readonly until: number | null } {
  const sizes = [...groupBy(group, familyOf)]
    .map(([key, [first]]) => {
      const difference =
        reference === undefined
          ? null
          : families.get(key)?.difference(configurationName(first), configurationName(reference));
      return { bytes: first.document_bytes, ends: difference == null ? null : interval(difference) };
    })
    .sort((a, b) => a.bytes - b.bytes);
  const margin = Math.log(minGain);
  const lastWithout = sizes.findLastIndex(({ ends }) => ends === null || ends.low <= margin);
  const none = sizes.findLast(({ ends }) => ends !== null && ends.high < margin);
  return { from: sizes[lastWithout + 1]?.bytes ?? null, until: none?.bytes ?? null };
}

/** The workload, corpus and round that a trial shares with the baseline's. */
function placeOf({ workload, corpus, round }: TrialRow): string {
  return JSON.stringify([workload, corpus, round]);
}
