import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { mean, quantile, squares } from './estimate.js';
import { tCdf, tQuantile } from './student-t.js';

/** Paired differences and what they show. Here a difference is a log ratio, and each round has one. */
export interface Paired {
  readonly n: number;
  readonly mean: number;
  /** The lower end of the 95 % t interval of the mean is this. */
  readonly low: number;
  readonly high: number;
  /** The interval extends this far to each side of the mean. */
  readonly half: number;
  readonly variance: number;
  /** Two-sided p of the paired t test; the hypothesis is that there is no difference. */
  readonly p: number;
}

/** @param differences at least two */
export function paired(differences: readonly number[]): Paired {
  const n = differences.length;
  const middle = mean(differences);
  const variance = squares(differences) / (n - 1);
  const error = Math.sqrt(variance / n);
  const half = tQuantile(0.975, n - 1) * error;
  // If the differences do not vary, they are certain: p is 0, or 1 if they are all zero.
  const p = error > 0 ? 2 * tCdf(-Math.abs(middle / error), n - 1) : middle === 0 ? 1 : 0;
  return { n, mean: middle, low: middle - half, high: middle + half, half, variance, p };
}

/**
 * Hodges & Lehmann's estimate (1963), which single bad rounds do not move: the median of (x_i + x_j) / 2 over
 * all i ≤ j. It is printed beside the mean.
 */
export function hodgesLehmann(values: readonly number[]): number {
  const averages = values.flatMap((a, i) => values.slice(i).map((b) => (a + b) / 2));
  return quantile(averages, 0.5) as number;
}

const exactUpTo = 16;
const draws = 20_000;

/**
 * Two-sided p of the sign-flip test: how often the sum of the differences, with random signs, is at least as
 * far from zero as their own sum. It is exact over all 2ⁿ signs up to n = 16, and from 20,000 seeded draws
 * otherwise. The only assumption is symmetry.
 */
export function signFlipP(differences: readonly number[], seed = 1): number {
  const n = differences.length;
  // The factor below 1 lets ties count in spite of rounding.
  const observed = Math.abs(differences.reduce((sum, value) => sum + value, 0)) * (1 - 1e-12);
  const groups = Array.from({ length: Math.ceil(n / signsAtOnce) }, (_, g) =>
    signedSums(differences.slice(g * signsAtOnce, (g + 1) * signsAtOnce)),
  );
  const random = xoroshiro128plus(seed);
  const total = n <= exactUpTo ? 2 ** n : draws;
  let extreme = 0;
  for (let i = 0; i < total; i++) {
    let sum = 0;
    let signs = i;
    for (let g = 0; g < groups.length; g++) {
      const sums = groups[g] as Float64Array;
      // A number has 30 signs for three groups; the lowest bits of this generator are its worst.
      if (n > exactUpTo && g % 3 === 0) signs = random.next() >>> 2;
      sum += sums[signs & (sums.length - 1)] as number;
      signs >>= signsAtOnce;
    }
    if (Math.abs(sum) >= observed) extreme++;
  }
  // The observed signs count as one of the draws; otherwise p could be 0 (Phipson & Smyth 2010).
  return n <= exactUpTo ? extreme / total : (extreme + 1) / (total + 1);
}

/** The sums of this many differences are looked up in a table of all their signs. */
const signsAtOnce = 10;

/** Sums the values with every choice of signs. Bit k of the index is the sign of value k. */
function signedSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(2 ** values.length);
  for (let signs = 0; signs < sums.length; signs++)
    for (let k = 0; k < values.length; k++)
      sums[signs] = (sums[signs] as number) + ((signs >> k) & 1 ? -1 : 1) * (values[k] as number);
  return sums;
}

/** Counts Tukey's outliers: beyond 1.5 (mild) and 3 (severe) interquartile ranges. They stay in the data. */
export function outliers(values: readonly number[]): { mild: number; severe: number } {
  const [low, high] = [quantile(values, 0.25) ?? 0, quantile(values, 0.75) ?? 0];
  const beyond = (ranges: number) =>
    values.filter((value) => value < low - ranges * (high - low) || value > high + ranges * (high - low))
      .length;
  return { mild: beyond(1.5) - beyond(3), severe: beyond(3) };
}

/**
 * The smallest difference that n rounds with this variance detect in 80 % of runs, in a two-sided test at 5
 * %: (t₀.₉₇₅ + t₀.₈) · s / √n.
 */
export function minimumDetectable({ variance, n }: Pick<Paired, 'variance' | 'n'>): number {
  return (tQuantile(0.975, n - 1) + tQuantile(0.8, n - 1)) * Math.sqrt(variance / n);
}

/** Holm (1979): adjusted p values, in the order given. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(ps.length);
  let largest = 0;
  for (const [rank, { p, i }] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (ps.length - rank) * p));
    adjusted[i] = largest;
  }
  return adjusted;
}
