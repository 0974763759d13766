import { tQuantile } from './student-t.js';

/** A mean with its 95 % interval. The ends are null if there are too few values for an interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
}

const level = 0.975; // two-sided 95 %

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sum of squared deviations from the mean. */
export function squares(values: readonly number[]): number {
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
}

/** Finds the mean of at least one value and its t interval. */
export function meanInterval(values: readonly number[]): Interval {
  const middle = mean(values);
  if (values.length < 2) return { mean: middle, low: null, high: null };
  const df = values.length - 1;
  const half = tQuantile(level, df) * Math.sqrt(squares(values) / df / values.length);
  return { mean: middle, low: middle - half, high: middle + half };
}

/**
 * Finds the geometric mean of at least one positive value and its interval, a t interval of the
 * logarithms.
 */
export function geometricInterval(values: readonly number[]): Interval {
  const { mean, low, high } = meanInterval(values.map(Math.log));
  return {
    mean: Math.exp(mean),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
  };
}

/**
 * Half the width of the 95 % t interval of a mean of `n` values, given a variance estimated with `df` degrees
 * of freedom.
 */
export function halfWidth({ variance, df, n }: { variance: number; df: number; n: number }): number {
  return tQuantile(level, df) * Math.sqrt(variance / n);
}

/**
 * Quantile by linear interpolation between order statistics (R's type 7). Sorts a copy. Null when there are
 * no values.
 */
export function quantile(values: readonly number[] | Float64Array, q: number): number | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}

export function median(values: readonly number[]): number | null {
  return quantile(values, 0.5);
}
