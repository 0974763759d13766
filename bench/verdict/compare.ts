import { mean } from '../stats/estimate.js';
import { groupBy, type NonEmpty } from '../stats/group-by.js';
import { type Difference, type Family, interval, moderate } from '../stats/moderated.js';
import {
  hodgesLehmann,
  holm,
  minimumDetectable,
  outliers,
  type Paired,
  paired,
  signFlipP,
} from '../stats/paired.js';
import { cellIdOf, sameCell } from '../tables/cell.js';
import type { ComparisonRow } from '../tables/comparison-columns.js';
import type { Claims } from '../tables/environment.js';
import { pairedLogRatios } from '../tables/summarise.js';
import { isOk, type OkTrial, type TrialRow } from '../tables/trial-columns.js';
import { isEquivalent, oftenMeasured, practicalMargin } from './choice.js';
import { configurationName, familyOf, logRates } from './configurations.js';

export type Verdict = 'faster' | 'slower' | 'equivalent' | 'inconclusive';

const significance = 0.05;

export interface CompareOptions {
  readonly claims: Claims;
  /** Name of the strategy that all others are compared with. */
  readonly baseline: string;
  /** Names of the strategies that show a limit of the machine; absent: none does. */
  readonly limits?: readonly string[];
}

/**
 * Every configuration against the baseline and against the best of its workload and corpus, and every A/A
 * twin. Against the baseline, Holm's correction covers the other configurations. The best is chosen from the
 * data, so against it the correction covers all pairs: over the other configurations alone, a fifth of runs
 * of equal cells would name a loser. A limit of the machine is never the best: other configurations are
 * compared with it in rows of their own, where it has as many workers, without a verdict.
 *
 * Only the words `faster` and `slower` come from here. The choice is made in `choice.ts`, from calibrated
 * intervals.
 */
export function compare(
  trials: readonly TrialRow[],
  { claims, baseline, limits = [] }: CompareOptions,
): ComparisonRow[] {
  const margins = marginsOf(trials);
  const families = groupBy(trials.filter(({ twin }) => twin === null).filter(isOk), familyOf);
  const rows = [...families.values()].flatMap((family) => {
    const cells = [...groupBy(family, configurationName).values()];
    const margin = margins(family[0].workload);
    const terms: Terms = { margin, claims, moderated: moderate(logRates(family)) };
    const own = cells.filter(([{ strategy }]) => !limits.includes(strategy));
    return [
      ...againstBaseline(cells, { ...terms, baseline }),
      ...(own.length === 0 ? [] : againstBest(own, terms)),
      ...againstLimit(cells, { ...terms, limits }),
    ];
  });
  const twins = [...twinPairs(trials).values()].map((pair) =>
    row(pair, {
      reference: 'A/A',
      margin: margins(pair.contender[0].workload),
      claims,
      moderated: null,
      p: pair.stats?.p ?? null,
    }),
  );
  return [...rows, ...twins];
}

/** Gives the verdict on a log ratio with its interval. */
export function verdictOn({
  low,
  high,
  p,
  margin,
}: {
  low: number;
  high: number;
  p: number;
  margin: number;
}): Verdict {
  if (p < significance && low > margin) return 'faster';
  if (p < significance && high < -margin) return 'slower';
  return isEquivalent({ low, high }) ? 'equivalent' : 'inconclusive';
}

type Cell = NonEmpty<OkTrial>;

interface Pair {
  readonly contender: Cell;
  readonly reference: Cell;
  readonly ratios: readonly number[];
  /** Null below two rounds. */
  readonly stats: Paired | null;
}

interface Terms {
  readonly margin: number;
  readonly claims: Claims;
  /** The family with moderated variances; null for twins, which are compared with themselves. */
  readonly moderated: Family | null;
}

function pairOf(contender: Cell, reference: Cell): Pair {
  const ratios = pairedLogRatios(contender, reference);
  return { contender, reference, ratios, stats: ratios.length < 2 ? null : paired(ratios) };
}

function againstBaseline(
  cells: readonly Cell[],
  { baseline, ...terms }: Terms & { readonly baseline: string },
): ComparisonRow[] {
  const reference = cells.find(([first]) => first.strategy === baseline);
  if (reference === undefined) return [];
  const pairs = cells
    .filter((cell) => cell !== reference)
    .map((cell) => pairOf(cell, reference))
    .filter(({ ratios }) => ratios.length > 0);
  return adjusted(pairs).map(({ pair, p }) => row(pair, { ...terms, reference: 'sequential', p }));
}

function againstBest(cells: readonly Cell[], terms: Terms): ComparisonRow[] {
  const rate = (cell: Cell) => mean(cell.map(({ documents_per_second }) => Math.log(documents_per_second)));
  const best = oftenMeasured(cells, ({ length }) => length).reduce((a, b) => (rate(b) > rate(a) ? b : a));
  const pairs = cells
    .flatMap((a, i) => cells.slice(i + 1).map((b) => (a === best ? pairOf(b, a) : pairOf(a, b))))
    .filter(({ ratios }) => ratios.length > 0);
  return adjusted(pairs)
    .filter(({ pair }) => pair.reference === best)
    .map(({ pair, p }) => row(pair, { ...terms, reference: 'best', p }));
}

function againstLimit(
  cells: readonly Cell[],
  { limits, ...terms }: Terms & { readonly limits: readonly string[] },
): ComparisonRow[] {
  const isLimit = ([{ strategy }]: Cell) => limits.includes(strategy);
  return cells
    .filter(isLimit)
    .flatMap((limit) =>
      cells
        .filter((cell) => !isLimit(cell) && cell[0].workers === limit[0].workers)
        .map((cell) => pairOf(cell, limit)),
    )
    .filter(({ ratios }) => ratios.length > 0)
    .map((pair) => row(pair, { ...terms, reference: 'limit', p: null }));
}

/** Gives each pair its p value, adjusted by Holm over all of them; 1 below two rounds. */
function adjusted(pairs: readonly Pair[]): { readonly pair: Pair; readonly p: number }[] {
  const ps = holm(pairs.map(({ stats }) => stats?.p ?? 1));
  return pairs.map((pair, i) => ({ pair, p: ps[i] as number }));
}

function row(
  { contender, reference, ratios, stats }: Pair,
  { margin, claims, moderated, p, ...given }: Terms & { reference: string; p: number | null },
): ComparisonRow {
  const { mild, severe } = outliers(ratios);
  return {
    ...cellIdOf(contender[0]),
    twin: contender[0].twin,
    reference: given.reference,
    reference_strategy: reference[0].strategy,
    reference_workers: reference[0].workers,
    reference_delivery: reference[0].delivery,
    reference_rtt_ms: reference[0].rtt_ms,
    reference_per_worker: reference[0].per_worker,
    rounds: ratios.length,
    ratio: Math.exp(mean(ratios)),
    ...judgement(ratios, { stats, p: claims === 'verdicts' ? p : null, margin }),
    ...calibratedOf(moderated?.difference(configurationName(contender[0]), configurationName(reference[0]))),
    margin: Math.exp(margin),
    outliers_mild: mild,
    outliers_severe: severe,
  };
}

function calibratedOf(difference: Difference | null | undefined) {
  const ends = difference == null ? null : interval(difference);
  return ends === null
    ? { calibrated_low: null, calibrated_high: null }
    : { calibrated_low: Math.exp(ends.low), calibrated_high: Math.exp(ends.high) };
}

const unjudged = { verdict: null, p_adjusted: null, sign_flip_p: null, more_rounds: null };

/** @param p null where no claim is made */
function judgement(
  ratios: readonly number[],
  { stats, p, margin }: { readonly stats: Paired | null; readonly p: number | null; readonly margin: number },
) {
  if (stats === null) {
    const unknown = { ratio_low: null, ratio_high: null, hodges_lehmann: null };
    return { ...unknown, minimum_detectable_ratio: null, ...unjudged };
  }
  const spread = {
    ratio_low: Math.exp(stats.low),
    ratio_high: Math.exp(stats.high),
    hodges_lehmann: Math.exp(hodgesLehmann(ratios)),
    minimum_detectable_ratio: Math.exp(minimumDetectable(stats)),
  };
  if (p === null) return { ...spread, ...unjudged };
  const verdict = verdictOn({ ...stats, p, margin });
  const tests = { p_adjusted: p, sign_flip_p: signFlipP(ratios) };
  return verdict === 'inconclusive'
    ? { ...spread, ...tests, verdict, more_rounds: moreRounds(stats, margin) }
    : { ...spread, ...tests, verdict, more_rounds: null };
}

/**
 * Rounds until the interval would lie wholly beyond the margin, or wholly inside it, if mean and spread stay
 * as they are.
 */
function moreRounds({ mean, variance, n }: Paired, margin: number): number | null {
  const room = Math.abs(Math.abs(mean) - margin);
  const needed = Math.ceil((2 ** 2 * variance) / room ** 2); // t is about 2 from a few rounds on
  return needed > n && needed < 1000 ? needed - n : null;
}

/** Each cell that was measured twice a round, with itself. */
function twinPairs(trials: readonly TrialRow[]): Map<string, Pair> {
  const twins = groupBy(trials.filter(({ twin }) => twin !== null).filter(isOk), familyOf);
  const pairs = new Map<string, Pair>();
  for (const [family, twin] of twins) {
    const [first, ...others] = trials
      .filter((trial) => trial.twin === null && sameCell(trial, twin[0]))
      .filter(isOk);
    if (first === undefined) continue;
    const pair = pairOf(twin, [first, ...others]);
    if (pair.ratios.length > 0) pairs.set(family, pair);
  }
  return pairs;
}

/**
 * The A/A twins show how much equal things differ in a run. The margin is never less than twice their
 * standard error.
 * @returns the margin of a workload, a log ratio; a workload without a twin of its own has the largest of the
 * run
 */
export function marginsOf(trials: readonly TrialRow[]): (workload: string) => number {
  const errors = [...twinPairs(trials).values()].flatMap(({ contender, stats }) =>
    stats === null ? [] : [{ workload: contender[0].workload, error: Math.sqrt(stats.variance / stats.n) }],
  );
  return (workload) => {
    const own = errors.filter((entry) => entry.workload === workload);
    return Math.max(practicalMargin, ...(own.length > 0 ? own : errors).map(({ error }) => 2 * error));
  };
}
