import { paired } from '../../stats/paired.js';

/** The rate of the new checkout divided by that of the old one, with its 95 % interval over pairs. */
export interface Judged {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly verdict: string;
  readonly state: 'unchanged' | 'slower' | 'unsettled';
}

/**
 * Judges at least two ratios. "Unchanged within x %" means that the interval is above 1 − x, and nothing
 * else. A faster checkout is therefore unchanged as well.
 */
export function judge(ratios: readonly number[], withinPercent: number): Judged {
  const { mean, low, high } = paired(ratios.map(Math.log));
  const ends = { ratio: Math.exp(mean), low: Math.exp(low), high: Math.exp(high) };
  if (ends.low > 1 - withinPercent / 100)
    return { ...ends, state: 'unchanged', verdict: `unchanged within ${withinPercent} %` };
  if (ends.high < 1) return { ...ends, state: 'slower', verdict: 'slower' };
  return { ...ends, state: 'unsettled', verdict: 'not settled; measure more pairs' };
}
