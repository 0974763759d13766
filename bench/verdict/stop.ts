import type { TrialRow } from '../tables/columns.js';
import type { Enough } from '../tables/enough.js';
import { compare } from './compare.js';

/** First look, then one every so many rounds. */
const looks = { from: 12, every: 4 };

/** Wanted half-width of a ratio's interval, as a log ratio. */
const wanted = Math.log(1.03);

/**
 * The stop rule: enough when every contender's ratio, to `sequential` and to the best, is known within 3 % or settled,
 * its interval lying wholly beyond or wholly inside the margin. It looks at intervals alone, never at p values, so that
 * looking more than once costs the final tests nothing that a simulation of equal cells could show.
 */
export function enough(trials: readonly TrialRow[], round: number): Enough {
  const open = compare(trials, { claims: 'suggests' })
    .filter(({ reference }) => reference !== 'A/A')
    .filter((comparison) => !isSettled(comparison));
  const due = round >= looks.from && (round - looks.from) % looks.every === 0;
  const worst = open.reduce((most, row) => Math.max(most, halfWidth(row)), 0);
  const unmet =
    open.length === 0
      ? []
      : [
          `${open.length} of the ratios are not known within 3 % (the widest: ±${(100 * (Math.exp(worst) - 1)).toFixed(1)} %)`,
        ];
  return { stop: due && open.length === 0, unmet };
}

type Interval = {
  readonly ratio_low: number | null;
  readonly ratio_high: number | null;
  readonly margin: number;
};

function isSettled(row: Interval): boolean {
  if (row.ratio_low === null || row.ratio_high === null) return false;
  const beyond = row.ratio_low > row.margin || row.ratio_high < 1 / row.margin;
  const inside = row.ratio_low > 1 / row.margin && row.ratio_high < row.margin;
  return halfWidth(row) <= wanted || beyond || inside;
}

function halfWidth({ ratio_low, ratio_high }: Interval): number {
  return ratio_low === null || ratio_high === null
    ? Number.POSITIVE_INFINITY
    : Math.log(ratio_high / ratio_low) / 2;
}
