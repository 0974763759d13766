import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { expandedTail } from './bootstrap.js';

/** The ratio of two rates that one round measured on documents of one size. */
export interface SizedRatio {
  readonly round: number;
  readonly bytes: number;
  /** Above 0; above 1 where it was faster. */
  readonly ratio: number;
}

/** The document size from which on something is faster, if the data shows one. */
export type Crossover =
  /**
   * An end of the 95 % interval is null if it is beyond the measured sizes. Both are null below three rounds.
   */
  | {
      readonly kind: 'within';
      readonly bytes: number;
      readonly low: number | null;
      readonly high: number | null;
    }
  /** It is faster at every measured size. */
  | { readonly kind: 'everywhere' }
  /** It is not faster at the largest size. */
  | { readonly kind: 'nowhere' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Below this the bootstrap has too few rounds to draw from, as for METG. */
const enoughRounds = 3;
const draws = 2000;

/**
 * Finds the size from which on all measured ratios are at least 1. Between the last size below 1 and the next
 * one, the logarithm of the ratio is interpolated on a line in the logarithm of the size. Only rounds that
 * have every size count. The interval is a bootstrap over whole rounds, with percentiles widened for few
 * rounds.
 * @param least the ratio that counts as faster, in place of 1
 */
export function crossover(
  points: readonly SizedRatio[],
  { seed, least = 1 }: { readonly seed: number; readonly least?: number },
): Crossover {
  const sizes = [...new Set(points.map(({ bytes }) => bytes))].sort((a, b) => a - b);
  if (sizes.length < 2)
    return { kind: 'unknown', reason: `a crossover needs two sizes of documents, there is ${sizes.length}` };
  const rounds = wholeRounds(points, sizes, least);
  if (rounds.length === 0) return { kind: 'unknown', reason: 'no round has a valid trial of every size' };
  const x = sizes.map(Math.log);
  const found = crossingOf(x, average(rounds));
  if (found === Number.NEGATIVE_INFINITY) return { kind: 'everywhere' };
  if (found === Number.POSITIVE_INFINITY) return { kind: 'nowhere' };
  return { kind: 'within', bytes: Math.exp(found), ...interval(x, rounds, seed) };
}

/**
 * Log ratios relative to the least that counts: one row per round that has all sizes, one column per size.
 */
function wholeRounds(points: readonly SizedRatio[], sizes: readonly number[], least: number): number[][] {
  return [...new Set(points.map(({ round }) => round))]
    .map((round) =>
      sizes.map((size) => points.find((point) => point.round === round && point.bytes === size)?.ratio),
    )
    .map((ratios) => ratios.filter((ratio) => ratio !== undefined))
    .filter((ratios) => ratios.length === sizes.length)
    .map((ratios) => ratios.map((ratio) => Math.log(ratio / least)));
}

function average(rounds: readonly (readonly number[])[]): number[] {
  const sums = new Array<number>((rounds[0] as readonly number[]).length).fill(0);
  for (const round of rounds)
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (round[i] as number);
  return sums.map((sum) => sum / rounds.length);
}

/**
 * Finds the x at which y rises through 0 for the last time. It is −∞ if y is never below 0, and ∞ if y ends
 * below.
 */
function crossingOf(x: readonly number[], y: readonly number[]): number {
  const last = y.findLastIndex((value) => value < 0);
  if (last < 0) return Number.NEGATIVE_INFINITY;
  if (last === y.length - 1) return Number.POSITIVE_INFINITY;
  const [x0, x1, y0, y1] = [x[last], x[last + 1], y[last], y[last + 1]] as [number, number, number, number];
  return x0 + ((x1 - x0) * -y0) / (y1 - y0);
}

function interval(
  x: readonly number[],
  rounds: readonly (readonly number[])[],
  seed: number,
): { low: number | null; high: number | null } {
  if (rounds.length < enoughRounds) return { low: null, high: null };
  const generator = xoroshiro128plus(seed);
  const drawn = Float64Array.from({ length: draws }, () =>
    crossingOf(x, average(rounds.map(() => rounds[uniformInt(generator, 0, rounds.length - 1)] as number[]))),
  ).sort();
  const place = Math.max(0, Math.floor((draws + 1) * expandedTail(rounds.length)) - 1);
  const [low, high] = [drawn[place] as number, drawn[draws - 1 - place] as number];
  return {
    low: Number.isFinite(low) ? Math.exp(low) : null,
    high: Number.isFinite(high) ? Math.exp(high) : null,
  };
}
