import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { expandedTail } from './bootstrap.js';
import { quantile } from './estimate.js';
import { groupBy } from './group-by.js';
import { tQuantile } from './student-t.js';
import { integerPeak, type ModelName, type Parameters, peakOf, rateAt } from './throughput.js';
import {
  fitThroughput,
  type Law,
  type Level,
  levelsOf,
  type ScalingPoint,
  type ThroughputFit,
} from './throughput-fit.js';

export interface ScalingOptions {
  /** How many cores bound CPU work. Null for work that mostly waits, because cores do not bound it. */
  readonly cores: number | null;
  readonly seed: number;
  /** The bootstrap resamples the rounds this many times. */
  readonly resamples?: number;
}

/** The ends of a 95 % interval are these. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface NoScaling {
  readonly state: 'none';
  /** Numbers of workers that were measured, rising. */
  readonly levels: readonly number[];
  readonly trials: number;
  /** The reason why nothing was fitted, in words. */
  readonly reason: string;
}

export interface Scaling {
  readonly state: 'fitted';
  readonly fit: ThroughputFit;
  /** Numbers of workers that the fit rests on, rising. */
  readonly levels: readonly number[];
  /** The reason why something was not fitted or not claimed, in words. Null if nothing was withheld. */
  readonly reason: string | null;
  /** Null if there were too few rounds for intervals. There are no predictions then. */
  readonly intervals: { readonly [P in keyof Parameters]: Range } | null;
  /**
   * How many workers have the highest throughput, as a whole number. Null if the data shows no peak within
   * `reach`.
   */
  readonly peak: { readonly workers: number; readonly range: Range } | null;
  /** The fewest workers, within the levels, whose modelled throughput is within 3 % of the best there. */
  readonly recommended: number;
  /** The largest N that may be predicted. */
  readonly reach: number;
  /** Logarithms of rates scatter about the curve with this standard deviation. */
  readonly residual: { readonly sd: number; readonly df: number };
  readonly bootstrap: Bootstrap | null;
}

/**
 * Parameters that were refitted to resampled rounds: those of the chosen law, and those of the law that each
 * resample would choose.
 */
interface Bootstrap {
  readonly rounds: number;
  readonly chosen: readonly Parameters[];
  readonly rechosen: readonly Parameters[];
}

export interface Prediction {
  readonly workers: number;
  readonly rate: number;
  /** The throughput of the law is within this interval. */
  readonly curve: Range;
  /** The throughput of one more trial is within this interval, which is wider by the noise of a trial. */
  readonly trial: Range;
  readonly extrapolated: boolean;
}

/**
 * Fewer rounds give too few different resamples for a 95 % interval, and the USL's third parameter is noise.
 */
const enoughRounds = 5;

/**
 * If κ is 0 and may not be negative, the likelihood ratio is a half-and-half mixture of 0 and χ² with 1 df.
 * This is its upper 5 % point.
 */
const peakThreshold = 2.71;

/** A smaller difference has no practical use. */
const practicalMargin = 1.03;

const usualResamples = 1000;

/**
 * Finds the law that trials of one strategy at several numbers of workers follow, or says why they allow
 * none.
 *
 * Beyond the number of cores, workers share the cores, which is not scaling. The laws of Amdahl and Gunther
 * are therefore fitted up to the number of cores only. The capped model also describes levels beyond it, and
 * is never extrapolated. AICc chooses the law. Throws if a rate is not above 0.
 */
export function fitScaling(
  points: readonly ScalingPoint[],
  { cores, seed, resamples = usualResamples }: ScalingOptions,
): Scaling | NoScaling {
  const bad = points.find(({ rate }) => !(rate > 0 && rate < Number.POSITIVE_INFINITY));
  if (bad !== undefined)
    throw new Error(`expected a rate above 0, got '${bad.rate}' with '${bad.workers}' workers`);
  const all = levelsOf(points);
  const plan = lawsFor(all, cores);
  if (plan.laws.length === 0) {
    return {
      state: 'none',
      levels: all.map(({ workers }) => workers),
      trials: points.length,
      reason: plan.reason ?? '',
    };
  }
  const used = points.filter(({ workers }) => workers <= plan.most);
  const levels = levelsOf(used);
  const fits = plan.laws
    .map((law) => ({ law, fit: fitThroughput(law, levels) }))
    .filter((fitted) => credible(fitted, levels));
  const { law, fit } = choose(fits);
  const rounds = Math.min(...levels.map(({ trials }) => trials));
  const bootstrap = rounds < enoughRounds ? null : resample(used, { fits, law, seed, resamples });
  const intervals = bootstrap === null ? null : parameterIntervals(bootstrap);
  const reach = reachOf(fit.model, plan.most, cores);
  const df = Math.max(1, fit.trials - fit.fitted);
  const few = bootstrap === null ? `${rounds} rounds, intervals and predictions need ${enoughRounds}` : null;
  return {
    state: 'fitted',
    fit,
    levels: levels.map(({ workers }) => workers),
    reason: [plan.reason, few, superlinear(fit, levels)].filter((text) => text !== null).join('; ') || null,
    intervals,
    peak: bootstrap && intervals && peakIn(fit, { levels, bootstrap, kappa: intervals.kappa, reach }),
    recommended: fewestWorkers(fit.parameters, plan.most),
    reach,
    residual: { sd: Math.sqrt(fit.rss / df), df },
    bootstrap,
  };
}

/** Null beyond the fit's reach, below one worker, and if there were too few rounds for an interval. */
export function predict(
  { fit, levels, bootstrap, reach, residual }: Scaling,
  workers: number,
): Prediction | null {
  if (bootstrap === null || !(workers >= 1 && workers <= reach)) return null;
  const rate = rateAt(fit.parameters, workers);
  const draws = bootstrap.rechosen.map((parameters) => Math.log(rateAt(parameters, workers)));
  const curve = rangeOf(draws, bootstrap.rounds);
  // The two errors are independent, so the squares of their distances from the estimate add up (Zou & Donner
  // 2008).
  const noise = tQuantile(0.975, residual.df) * residual.sd;
  const middle = Math.log(rate);
  const low = Math.min(middle, curve.low);
  const high = Math.max(middle, curve.high);
  return {
    workers,
    rate,
    curve: { low: Math.exp(low), high: Math.exp(high) },
    trial: {
      low: Math.exp(middle - Math.hypot(middle - low, noise)),
      high: Math.exp(middle + Math.hypot(high - middle, noise)),
    },
    extrapolated: workers > (levels.at(-1) as number),
  };
}

interface LawPlan {
  readonly laws: readonly Law[];
  /** The largest level to fit. */
  readonly most: number;
  readonly reason: string | null;
}

/** The levels can tell these laws apart. */
function lawsFor(levels: readonly Level[], cores: number | null): LawPlan {
  const below = levels.filter(({ workers }) => workers <= (cores ?? Number.POSITIVE_INFINITY));
  const most = below.at(-1)?.workers ?? 0;
  const where = cores === null ? '' : ` up to ${tidy(cores)} effective cores`;
  const counted = `${below.length} ${below.length === 1 ? 'level' : 'levels'} of workers${where}`;
  if (below.length <= 2) {
    if (cores !== null && below.length === 2 && levels.length - below.length >= 2) {
      const reason = `${counted}: no law of scaling, only a description on both sides of the cores`;
      return { laws: [{ model: 'capped', cap: cores }], most: levels.at(-1)?.workers ?? 0, reason };
    }
    return { laws: [], most, reason: `${counted}, a law of scaling needs 3` };
  }
  if (below.length === 3)
    return { laws: [{ model: 'amdahl' }], most, reason: `${counted}: Amdahl’s law only, a peak needs 4` };
  const rounds = Math.min(...below.map(({ trials }) => trials));
  const few =
    rounds < enoughRounds
      ? `${rounds} rounds at some level: Amdahl’s law only, a peak needs ${enoughRounds}`
      : null;
  const laws: Law[] = few === null ? [{ model: 'amdahl' }, { model: 'usl' }] : [{ model: 'amdahl' }];
  // The capped model has four parameters if the cap is fitted. It needs five levels, or it would fit any
  // data.
  if (cores === null && few === null && below.length >= 5) laws.push({ model: 'capped', cap: null });
  return { laws, most, reason: few };
}

interface Fitted {
  readonly law: Law;
  readonly fit: ThroughputFit;
}

/** Takes the law with the lowest AICc. On a tie it takes the first one, which is the simpler one. */
function choose(fits: readonly Fitted[]): Fitted {
  return fits.reduce((a, b) => (b.fit.aicc < a.fit.aicc ? b : a));
}

/**
 * A cap at the last level but one has a single level above it, which δ fits exactly whatever it is. Such a
 * cap was not found.
 */
function credible({ fit }: Fitted, levels: readonly Level[]): boolean {
  return fit.model !== 'capped' || fit.parameters.cap < (levels.at(-2)?.workers ?? 0);
}

/** Rounds are drawn whole, so that an effect on all trials of a round stays in one piece. */
function resample(
  points: readonly ScalingPoint[],
  { fits, law, seed, resamples }: { fits: readonly Fitted[]; law: Law; seed: number; resamples: number },
): Bootstrap {
  const workers = [...new Set(points.map((point) => point.workers))].sort((a, b) => a - b);
  const rounds = [...groupBy(points, ({ round }) => round).values()].map((members) =>
    members.map((point) => ({ level: workers.indexOf(point.workers), value: Math.log(point.rate) })),
  );
  const generator = xoroshiro128plus(seed);
  const chosen: Parameters[] = [];
  const rechosen: Parameters[] = [];
  while (chosen.length < resamples) {
    const drawn = rounds.map(() => rounds[uniformInt(generator, 0, rounds.length - 1)] as DrawnRound);
    const levels = levelsIn(drawn, workers);
    if (levels === null) continue; // every trial of some level was in rounds that were not drawn
    const refits = fits.map(({ law, fit }) => ({
      law,
      fit: fitThroughput(law, levels, { near: fit.parameters }),
    }));
    chosen.push(refits.find((refit) => refit.law === law)?.fit.parameters as Parameters);
    rechosen.push(choose(refits).fit.parameters);
  }
  return { rounds: rounds.length, chosen, rechosen };
}

/** The logarithms of the rates that a round measured, each with the place of its level. */
type DrawnRound = readonly { readonly level: number; readonly value: number }[];

/**
 * Does what `levelsOf` does, by sums, because thousands of resamples need it. Null if a level has no trial.
 */
function levelsIn(rounds: readonly DrawnRound[], workers: readonly number[]): Level[] | null {
  const sums = workers.map((count) => ({ workers: count, trials: 0, sum: 0, squares: 0 }));
  for (const round of rounds) {
    for (const { level, value } of round) {
      const into = sums[level] as (typeof sums)[0];
      into.trials++;
      into.sum += value;
      into.squares += value * value;
    }
  }
  const levels: Level[] = [];
  for (const { workers, trials, sum, squares } of sums) {
    if (trials === 0) return null;
    levels.push({ workers, trials, mean: sum / trials, within: Math.max(0, squares - (sum * sum) / trials) });
  }
  return levels;
}

/**
 * λ and σ mean the same in every law, so their intervals include that another law might have been chosen.
 * Draws of the chosen law alone cover σ in 90.6 % of 500 simulated runs with σ = 0.05 and κ = 0. The other
 * parameters belong to the chosen law alone.
 */
function parameterIntervals({ chosen, rechosen, rounds }: Bootstrap): { [P in keyof Parameters]: Range } {
  const range = (draws: readonly Parameters[], name: keyof Parameters) =>
    rangeOf(
      draws.map((parameters) => parameters[name]),
      rounds,
    );
  return {
    lambda: range(rechosen, 'lambda'),
    sigma: range(rechosen, 'sigma'),
    kappa: range(chosen, 'kappa'),
    cap: range(chosen, 'cap'),
    delta: range(chosen, 'delta'),
  };
}

/** The percentile interval, expanded for the number of rounds. */
function rangeOf(draws: readonly number[], rounds: number): Range {
  const tail = expandedTail(rounds);
  const sorted = Float64Array.from(draws).sort();
  const [least, most] = [sorted[0] as number, sorted.at(-1) as number];
  if (least === most) return { low: least, high: most }; // this is also true of infinite caps
  // The draw at place (B + 1)·p, counted from 1, is right for few resamples too (Davison & Hinkley 1997,
  // 2.4). This is the same place as `quantile` counts it.
  const q = Math.max(0, ((sorted.length + 1) * tail - 1) / (sorted.length - 1));
  return { low: quantile(sorted, q) as number, high: quantile(sorted, 1 - q) as number };
}

/**
 * A peak is claimed if a law without one fits significantly worse *and* κ's interval excludes 0. One of them
 * is not enough: if κ is 0, half of all fits have some κ > 0 and hence a peak somewhere. Beyond the reach no
 * peak is claimed.
 */
function peakIn(
  fit: ThroughputFit,
  {
    levels,
    bootstrap,
    kappa,
    reach,
  }: { levels: readonly Level[]; bootstrap: Bootstrap; kappa: Range; reach: number },
): Scaling['peak'] {
  if (fit.model !== 'usl' || !(kappa.low > 0)) return null;
  const amdahl = fitThroughput({ model: 'amdahl' }, levels);
  if (!(fit.trials * Math.log(amdahl.rss / fit.rss) > peakThreshold)) return null;
  const workers = integerPeak(fit.parameters);
  if (!(workers <= reach)) return null;
  const inverse = rangeOf(
    bootstrap.chosen.map((parameters) => 1 / peakOf(parameters)), // a draw without a peak is 0
    bootstrap.rounds,
  );
  return { workers, range: { low: 1 / inverse.high, high: 1 / inverse.low } };
}

/**
 * Laws reach to twice the largest level, and for CPU work never beyond the cores. A description ends at the
 * largest level.
 */
function reachOf(model: ModelName, most: number, cores: number | null): number {
  return model === 'capped' ? most : Math.min(2 * most, cores ?? Number.POSITIVE_INFINITY);
}

function fewestWorkers(parameters: Parameters, most: number): number {
  const rates = Array.from({ length: Math.floor(most) }, (_, i) => rateAt(parameters, i + 1));
  const goal = Math.max(...rates) / practicalMargin;
  return rates.findIndex((rate) => rate >= goal) + 1;
}

/**
 * Says so if throughput rises faster than the workers. No law allows that (σ would be negative), and fitting
 * σ = 0 would hide it. The test is one-sided at 5 %, on the slope of log(X/N) against log N.
 */
function superlinear(fit: ThroughputFit, levels: readonly Level[]): string | null {
  if (fit.parameters.sigma > 0 || fit.parameters.kappa > 0 || fit.model === 'capped') return null;
  const weighted = (value: (level: Level) => number) =>
    levels.reduce((sum, level) => sum + level.trials * value(level), 0);
  const middle = weighted(({ workers }) => Math.log(workers)) / fit.trials;
  const spread = weighted(({ workers }) => (Math.log(workers) - middle) ** 2);
  const slope =
    weighted(({ workers, mean }) => (Math.log(workers) - middle) * (mean - Math.log(workers))) / spread;
  const df = fit.trials - 2;
  const error = Math.sqrt((fit.rss - slope ** 2 * spread) / df / spread);
  return slope / error > tQuantile(0.95, df)
    ? 'throughput rises faster than the workers, which no law here allows'
    : null;
}

function tidy(value: number): string {
  return String(Number(value.toFixed(2)));
}
