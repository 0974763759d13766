import type { Enough } from '../tables/enough.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { compare } from './compare.js';

/** The first look is after round 12, the next ones every four rounds. */
const looks = { from: 12, every: 4 };

/** A ratio counts as known when its interval is this narrow. Half of the width, as a log ratio. */
const wanted = Math.log(1.03);

/**
 * The stop rule. A run has measured enough when every configuration's ratio to the baseline and to the best
 * is known within 3 % or settled: the interval lies wholly beyond the margin or wholly inside it. The
 * intervals are the ones that the choice rests on. The rule never looks at p values, so looking several times
 * does not weaken the final tests.
 */
export function enough(
  trials: readonly TrialRow[],
  { round, baseline }: { readonly round: number; readonly baseline: string },
): Enough {
  const open = compare(trials, { claims: 'suggests', baseline })
    .filter(({ reference }) => reference !== 'A/A')
    .filter((comparison) => !isSettled(comparison));
  const due = round >= looks.from && (round - looks.from) % looks.every === 0;
  const worst = open.reduce((most, row) => Math.max(most, halfWidth(row)), 0);
  if (open.length === 0) return { stop: due, unmet: [] };
  const widest = Number.isFinite(worst)
    ? `the widest: ±${(100 * (Math.exp(worst) - 1)).toFixed(1)} %`
    : 'at least one has no interval yet: that takes two rounds';
  return { stop: false, unmet: [`${open.length} of the ratios are not known within 3 % (${widest})`] };
}

type Interval = {
  readonly calibrated_low: number | null;
  readonly calibrated_high: number | null;
  readonly margin: number;
};

function isSettled(row: Interval): boolean {
  if (row.calibrated_low === null || row.calibrated_high === null) return false;
  const beyond = row.calibrated_low > row.margin || row.calibrated_high < 1 / row.margin;
  const inside = row.calibrated_low > 1 / row.margin && row.calibrated_high < row.margin;
  return halfWidth(row) <= wanted || beyond || inside;
}

function halfWidth({ calibrated_low: low, calibrated_high: high }: Interval): number {
  return low === null || high === null ? Number.POSITIVE_INFINITY : Math.log(high / low) / 2;
}
