import { mean } from '../stats/estimate.js';
import { groupBy } from '../stats/group-by.js';
import { type Family, moderate } from '../stats/moderated.js';
import {
  hodgesLehmann,
  holm,
  minimumDetectable,
  outliers,
  type Paired,
  paired,
  signFlipP,
} from '../stats/paired.js';
import { isOk, type OkTrial, type TrialRow } from '../tables/columns.js';
import type { ComparisonRow } from '../tables/comparison-columns.js';
import type { Claims } from '../tables/environment.js';
import { pairedLogRatios, sameCell } from '../tables/summarise.js';
import { practicalMargin, ratioOf } from './choice.js';
import { configurationName, logRates } from './configurations.js';

export type Verdict = 'faster' | 'slower' | 'equivalent' | 'inconclusive';

const significance = 0.05;

export interface CompareOptions {
  readonly claims: Claims;
  /** Name of the strategy that all others are compared with. */
  readonly baseline: string;
}

/**
 * Every configuration against the baseline and against the best of its workload and corpus, and every A/A
 * twin. Against the baseline, Holm's correction covers the other configurations. The best is chosen from the
 * data, so against it the correction covers all pairs: over the other configurations alone, a fifth of runs
 * of equal cells would name a loser.
 *
 * Only the words `faster` and `slower` come from here. The choice is made in `choice.ts`, from calibrated
 * intervals.
 */
export function compare(trials: readonly TrialRow[], { claims, baseline }: CompareOptions): ComparisonRow[] {
  const margins = marginsOf(trials);
  const families = groupBy(trials.filter(({ twin }) => twin === null).filter(isOk), ({ workload, corpus }) =>
    JSON.stringify([workload, corpus]),
  );
  const rows = [...families.values()].flatMap((family) => {
    const cells = [...groupBy(family, configurationName).values()];
    const margin = margins((family[0] as TrialRow).workload);
    const terms: Terms = { margin, claims, moderated: moderate(logRates(family)) };
    return [...againstBaseline(cells, { ...terms, baseline }), ...againstBest(cells, terms)];
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
  return low > -margin && high < margin ? 'equivalent' : 'inconclusive';
}

type Cell = readonly [TrialRow, ...TrialRow[]];

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

function pairOf(contender: readonly TrialRow[], reference: readonly TrialRow[]): Pair {
  const ratios = pairedLogRatios(contender, reference);
  return {
    contender: contender as Cell,
    reference: reference as Cell,
    ratios,
    stats: ratios.length < 2 ? null : paired(ratios),
  };
}

function againstBaseline(
  cells: readonly OkTrial[][],
  { baseline, ...terms }: Terms & { readonly baseline: string },
): ComparisonRow[] {
  const reference = cells.find(([first]) => first?.strategy === baseline);
  if (reference === undefined) return [];
  const pairs = cells
    .filter((cell) => cell !== reference)
    .map((cell) => pairOf(cell, reference))
    .filter(({ ratios }) => ratios.length > 0);
  const ps = holm(pairs.map(({ stats }) => stats?.p ?? 1));
  return pairs.map((pair, i) => row(pair, { ...terms, reference: 'sequential', p: ps[i] as number }));
}

function againstBest(cells: readonly OkTrial[][], terms: Terms): ComparisonRow[] {
  const rate = (cell: readonly OkTrial[]) =>
    mean(cell.map(({ documents_per_second }) => Math.log(documents_per_second)));
  const best = cells.reduce((a, b) => (rate(b) > rate(a) ? b : a));
  const pairs = cells
    .flatMap((a, i) => cells.slice(i + 1).map((b) => (a === best ? pairOf(b, a) : pairOf(a, b))))
    .filter(({ ratios }) => ratios.length > 0);
  const ps = holm(pairs.map(({ stats }) => stats?.p ?? 1));
  return pairs.flatMap((pair, i) =>
    pair.reference === (best as readonly OkTrial[])
      ? [row(pair, { ...terms, reference: 'best', p: ps[i] as number })]
      : [],
  );
}

function row(
  { contender, reference, ratios, stats }: Pair,
  { margin, claims, moderated, ...given }: Terms & { reference: string; p: number | null },
): ComparisonRow {
  const { workload, corpus, strategy, workers, delivery, twin } = contender[0];
  const { mild, severe } = outliers(ratios);
  const judged = claims === 'verdicts' && stats !== null && given.p !== null;
  const calibrated = ratioOf(
    moderated?.difference(configurationName(contender[0]), configurationName(reference[0])) ?? null,
  );
  const verdict = judged ? verdictOn({ ...stats, p: given.p as number, margin }) : null;
  return {
    workload,
    corpus,
    strategy,
    workers,
    delivery,
    twin,
    reference: given.reference,
    reference_strategy: reference[0].strategy,
    reference_workers: reference[0].workers,
    reference_delivery: reference[0].delivery,
    rounds: ratios.length,
    ratio: Math.exp(mean(ratios)),
    ratio_low: stats && Math.exp(stats.low),
    ratio_high: stats && Math.exp(stats.high),
    calibrated_low: calibrated?.low ?? null,
    calibrated_high: calibrated?.high ?? null,
    hodges_lehmann: stats && Math.exp(hodgesLehmann(ratios)),
    p_adjusted: judged ? given.p : null,
    sign_flip_p: judged ? signFlipP(ratios) : null,
    margin: Math.exp(margin),
    minimum_detectable_ratio: stats && Math.exp(minimumDetectable(stats)),
    outliers_mild: mild,
    outliers_severe: severe,
    verdict,
    more_rounds: verdict === 'inconclusive' ? moreRounds(stats as Paired, margin) : null,
  };
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
  const twins = groupBy(trials.filter(({ twin }) => twin !== null).filter(isOk), ({ workload, corpus }) =>
    JSON.stringify([workload, corpus]),
  );
  const pairs = new Map<string, Pair>();
  for (const [family, twin] of twins) {
    const cell = trials
      .filter((trial) => trial.twin === null && sameCell(trial, twin[0] as TrialRow))
      .filter(isOk);
    const pair = pairOf(twin, cell);
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
