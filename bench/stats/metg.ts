import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { expandedTail } from './bootstrap.js';
import { mean } from './estimate.js';

/**
 * METG, the minimum effective task granularity: the shortest tasks with which a strategy still reaches a
 * given efficiency (E. Slaughter et al., Task Bench, SC'20). The sweep changes the work of a task and nothing
 * else.
 */

/** One trial of a sweep: T seconds for n tasks of w µs each on N workers, M = min(N, cores). */
export interface SweepPoint {
  readonly round: number;
  /** The sweep sets how many iterations of the kernel each task does. */
  readonly iterations: number;
  /** T · M / n: how long a task occupies one core, overhead included, µs. Above 0. */
  readonly granularityUs: number;
  /** n · w / (M · T): the share of that time that is spent on the task itself. Above 0. */
  readonly efficiency: number;
}

export interface MetgOptions {
  /** The efficiency to be reached, between 0 and 1; 0.5 and 0.8 are usual. */
  readonly e: number;
  readonly seed: number;
}

/** A 95 % interval, µs. An end is null if it lies beyond the sweep. */
export interface MetgInterval {
  readonly low: number | null;
  readonly high: number | null;
}

export type Metg =
  /** The interval is null below 3 rounds. */
  | { readonly kind: 'found'; readonly granularityUs: number; readonly interval: MetgInterval | null }
  /** The shortest tasks of the sweep were long enough: METG is at most this. */
  | { readonly kind: 'below'; readonly granularityUs: number }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * An efficiency above 1 means more work than the cores can do in the time. A little is noise, but half as
 * much again is not, and the sweep is refused.
 */
const impossible = 1.5;

/**
 * In simulated sweeps the 95 % interval of 3, 4, 5 and 8 rounds covers the truth in 75, 86, 92 and 95 % of
 * cases, so at least five rounds are advisable.
 */
const enoughRounds = 3;

const draws = 2000;

/**
 * Finds the METG of a sweep of one or more rounds. Points with the same number of iterations are averaged
 * geometrically.
 *
 * Efficiency rises with the work of a task, apart from noise. If it falls in between, the last crossing
 * counts, after which all points with more work reach `e`: a lucky point among failing ones is not reliable.
 * Between the last point below `e` and the next one, efficiency is interpolated on a line in the logarithm of
 * granularity. If a share o/g is lost to overhead and the sweep has steps of 2, the error is below 2 % at e =
 * 0.5 and 4 % at 0.8. If a serial dispatcher sets the pace up to a knee, the result is up to 13 % too high at
 * 0.8.
 *
 * The interval is a bootstrap over whole rounds, with percentiles widened for few rounds. Throws if `e` is
 * outside 0 to 1, if a point is not above 0 and if a round has a point twice.
 */
export function metg(points: readonly SweepPoint[], { e, seed }: MetgOptions): Metg {
  if (!(e > 0 && e < 1)) throw new Error(`expected an efficiency between 0 and 1, got '${e}'`);
  for (const point of points) check(point);
  const rounds = roundsOf(points);
  const reason = unfit(points, rounds);
  if (reason !== null) return { kind: 'refused', reason };

  const crossing = crossingOf(average(rounds), e);
  if (crossing.side === 'above') {
    return {
      kind: 'refused',
      reason: `the longest tasks of the sweep reach ${percent(crossing.efficiency)}, less than ${percent(e)}`,
    };
  }
  if (crossing.side === 'below') return { kind: 'below', granularityUs: Math.exp(crossing.logGranularity) };
  const interval = rounds.length < enoughRounds ? null : bootstrap(rounds, { e, seed });
  return { kind: 'found', granularityUs: Math.exp(crossing.logGranularity), interval };
}

export interface CostLaw {
  /** The dispatcher spends this on each document, one after another, µs. */
  readonly serialUs: number;
  /** A worker spends this on each document beside the task, µs. */
  readonly overheadUs: number;
  readonly workers: number;
  readonly cores: number;
  readonly e: number;
}

/**
 * METG in closed form, µs, for a dispatcher that spends s on each document and workers that spend o beside
 * the task. M is min(N, cores). If the dispatcher has a core of its own (N < cores), a document takes max(s,
 * (w + o) / M), which is an efficiency of w / max(M·s, w + o): METG = max(o / (1 − e), M·s). If it shares the
 * workers' cores, o + s replaces o.
 */
export function metgModel({ serialUs: s, overheadUs: o, workers, cores, e }: CostLaw): number {
  const beside = workers < cores ? o : o + s;
  return Math.max(beside / (1 - e), Math.min(workers, cores) * s);
}

export interface SizedTask {
  readonly bytes: number;
  /** The task takes this long on a document of that size, µs. */
  readonly taskUs: number;
}

/** Beyond the measured sizes the answer may be at most this many times larger or smaller. */
const reach = 2;

/**
 * Finds the size of documents, in bytes, on which a task takes `granularityUs`. It interpolates between
 * measured sizes, on logarithms of size and time. If the times do not rise everywhere, the result is the size
 * from which on all larger documents take at least as long. A little outside the measured sizes, the line
 * through the outermost two points is followed. Null beyond twice the largest size or half the smallest, and
 * with fewer than two sizes. An empty document has no logarithm and is left out. Throws if a size is given
 * twice.
 */
export function sizeAtGranularity(points: readonly SizedTask[], granularityUs: number): number | null {
  const sorted = points
    .filter(({ bytes, taskUs }) => bytes > 0 && taskUs > 0)
    .sort((a, b) => a.bytes - b.bytes);
  const twice = sorted.find(({ bytes }, i) => bytes === sorted[i - 1]?.bytes);
  if (twice !== undefined) throw new Error(`expected each size once, got '${twice.bytes}' bytes twice`);
  if (sorted.length < 2 || !(granularityUs > 0)) return null;
  const below = sorted.findLastIndex(({ taskUs }) => taskUs < granularityUs);
  const left = Math.min(Math.max(below, 0), sorted.length - 2);
  const [a, b] = [sorted[left] as SizedTask, sorted[left + 1] as SizedTask];
  // Only an outer pair can do this: times that do not rise cannot be followed outwards.
  if (b.taskUs <= a.taskUs) return null;
  const share = Math.log(granularityUs / a.taskUs) / Math.log(b.taskUs / a.taskUs);
  const bytes = a.bytes * (b.bytes / a.bytes) ** share;
  const [smallest, largest] = [sorted[0] as SizedTask, sorted.at(-1) as SizedTask];
  return bytes >= smallest.bytes / reach && bytes <= largest.bytes * reach ? bytes : null;
}

function check({ round, iterations, granularityUs, efficiency }: SweepPoint): void {
  for (const [name, value] of Object.entries({ granularityUs, efficiency }))
    if (!(value > 0 && value < Number.POSITIVE_INFINITY))
      throw new Error(
        `expected ${name} above 0, got '${value}' in round '${round}' at '${iterations}' iterations`,
      );
}

/** A point in the form that is averaged: the mean of logarithms is the logarithm of the geometric mean. */
interface LogPoint {
  readonly logGranularity: number;
  readonly logEfficiency: number;
}

interface Round {
  readonly round: number;
  /** Rising. */
  readonly iterations: readonly number[];
  /** Each number of iterations has one point here. */
  readonly points: readonly LogPoint[];
}

function roundsOf(points: readonly SweepPoint[]): Round[] {
  return [...new Set(points.map(({ round }) => round))].map((round) => {
    const sorted = points
      .filter((point) => point.round === round)
      .sort((a, b) => a.iterations - b.iterations);
    const iterations = sorted.map((point) => point.iterations);
    const twice = iterations.find((count, i) => count === iterations[i - 1]);
    if (twice !== undefined)
      throw new Error(
        `expected each number of iterations once a round, got '${twice}' twice in round '${round}'`,
      );
    return {
      round,
      iterations,
      points: sorted.map(({ granularityUs, efficiency }) => ({
        logGranularity: Math.log(granularityUs),
        logEfficiency: Math.log(efficiency),
      })),
    };
  });
}

/** Why a sweep cannot be judged at all, in words. */
function unfit(points: readonly SweepPoint[], rounds: readonly Round[]): string | null {
  const iterations = rounds[0]?.iterations ?? [];
  if (iterations.length < 2) return `a crossing needs 2 lengths of tasks, the sweep has ${iterations.length}`;
  const odd = rounds.find((round) => round.iterations.join() !== iterations.join());
  if (odd)
    return (
      `round ${odd.round} swept ${odd.iterations.join(', ')} iterations, ` +
      `round ${rounds[0]?.round} swept ${iterations.join(', ')}`
    );
  const worst = points.reduce((a, b) => (b.efficiency > a.efficiency ? b : a));
  if (worst.efficiency < impossible) return null;
  const place = `round ${worst.round} at ${worst.iterations} iterations`;
  return `efficiency ${worst.efficiency.toFixed(2)} in ${place}: the calibration of the work is wrong`;
}

/** Averages rounds that have the same iterations. */
function average(rounds: readonly Round[]): LogPoint[] {
  return (rounds[0] as Round).points.map((_, i) => ({
    logGranularity: mean(rounds.map(({ points }) => (points[i] as LogPoint).logGranularity)),
    logEfficiency: mean(rounds.map(({ points }) => (points[i] as LogPoint).logEfficiency)),
  }));
}

/**
 * METG is within the sweep, or at most at its first point, or above its last point, which has this
 * efficiency.
 */
type Crossing =
  | { readonly side: 'within' | 'below'; readonly logGranularity: number }
  | { readonly side: 'above'; readonly efficiency: number };

function crossingOf(points: readonly LogPoint[], e: number): Crossing {
  const short = points.findLastIndex(({ logEfficiency }) => Math.exp(logEfficiency) < e);
  // These are the last point below e and the next one, which is not below.
  const [last, first] = [points[short], points[short + 1]];
  if (first === undefined) return { side: 'above', efficiency: Math.exp((last as LogPoint).logEfficiency) };
  if (last === undefined) return { side: 'below', logGranularity: first.logGranularity };
  const [from, to] = [Math.exp(last.logEfficiency), Math.exp(first.logEfficiency)];
  const share = (e - from) / (to - from);
  return {
    side: 'within',
    logGranularity: last.logGranularity + share * (first.logGranularity - last.logGranularity),
  };
}

/** Rounds are drawn whole: what a round did to all its points stays together. */
function bootstrap(rounds: readonly Round[], { e, seed }: MetgOptions): MetgInterval {
  const generator = xoroshiro128plus(seed);
  const drawn = Float64Array.from({ length: draws }, () => {
    const crossing = crossingOf(
      average(rounds.map(() => rounds[uniformInt(generator, 0, rounds.length - 1)] as Round)),
      e,
    );
    if (crossing.side === 'within') return Math.exp(crossing.logGranularity);
    return crossing.side === 'below' ? 0 : Number.POSITIVE_INFINITY;
  }).sort();
  // The place is (B + 1)·p, counted from 1 and rounded outwards: a draw within the sweep and one beyond it
  // have no middle.
  const place = Math.max(0, Math.floor((draws + 1) * expandedTail(rounds.length)) - 1);
  const [low, high] = [drawn[place] as number, drawn[draws - 1 - place] as number];
  return { low: low > 0 ? low : null, high: high < Number.POSITIVE_INFINITY ? high : null };
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
