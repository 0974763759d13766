import { mean, squares } from './estimate.js';
import { tCdf, tQuantile } from './student-t.js';

/** Two independent samples and how their means differ. */
export interface Welch {
  readonly difference: number;
  /** The lower end of the 95 % interval is this. */
  readonly low: number;
  readonly high: number;
  /** Two-sided p of the hypothesis that the means are equal. */
  readonly p: number;
}

/**
 * Welch's t test (1947) with the Welch–Satterthwaite degrees of freedom. The samples are not paired, and
 * their variances may differ.
 * @param a at least two values, as `b`; the difference is a − b
 */
export function welch(a: readonly number[], b: readonly number[]): Welch {
  const [va, vb] = [a, b].map((values) => squares(values) / (values.length - 1) / values.length) as [
    number,
    number,
  ];
  const difference = mean(a) - mean(b);
  const error = Math.sqrt(va + vb);
  if (error === 0) return { difference, low: difference, high: difference, p: difference === 0 ? 1 : 0 };
  const df = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1));
  const half = tQuantile(0.975, df) * error;
  return {
    difference,
    low: difference - half,
    high: difference + half,
    p: 2 * tCdf(-Math.abs(difference / error), df),
  };
}
