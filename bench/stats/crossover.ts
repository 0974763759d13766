import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { expandedTail } from './bootstrap.js';

/** In one round, how many times as fast one thing was as another on documents of this size. */
export interface SizedRatio {
  readonly round: number;
  readonly bytes: number;
  /** Above 0; above 1 where it was faster. */
  readonly ratio: number;
}

/** From which document size on something is faster. */
export type Crossover =
  /** Ends of the 95 % interval are null where they lie beyond the measured sizes, both below three rounds. */
  | {
      readonly kind: 'within';
      readonly bytes: number;
      readonly low: number | null;
      readonly high: number | null;
    }
  /** At every measured size, from the smallest on. */
  | { readonly kind: 'everywhere' }
  /** Not even at the largest. */
  | { readonly kind: 'nowhere' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** As for METG: below this the bootstrap has too little to draw from. */
const enoughRounds = 3;
const draws = 2000;

/**
 * The size from which on all larger ones have a ratio of 1 at least; between the last size below and the next one the
 * logarithm of the ratio is taken as linear in the logarithm of the size. Rounds count that have every size. The interval
 * is the bootstrap's over whole rounds, by percentiles widened for few rounds.
 * @param least a ratio that counts as faster, in place of 1.
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

/** Log ratios to the least that counts, by size, a row a round that has them all. */
function wholeRounds(points: readonly SizedRatio[], sizes: readonly number[], least: number): number[][] {
  return [...new Set(points.map(({ round }) => round))]
    .map((round) =>
      sizes.map((size) => points.find((point) => point.round === round && point.bytes === size)?.ratio),
    )
    .filter((ratios) => ratios.every((ratio) => ratio !== undefined))
    .map((ratios) => ratios.map((ratio) => Math.log((ratio as number) / least)));
}

function average(rounds: readonly (readonly number[])[]): number[] {
  const sums = new Array<number>((rounds[0] as readonly number[]).length).fill(0);
  for (const round of rounds)
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (round[i] as number);
  return sums.map((sum) => sum / rounds.length);
}

/** Where y rises through 0 for the last time; −∞ where it never was below, ∞ where it ends below. */
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
