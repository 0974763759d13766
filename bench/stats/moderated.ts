import { calibrationAt, maxPriorDf } from './calibration.js';
import { mean, median, squares } from './estimate.js';
import { digamma, trigamma, trigammaInverse } from './gamma.js';
import { groupBy } from './group-by.js';
import { tCdf, tQuantile } from './student-t.js';

/**
 * Comparisons of configurations that were measured in few rounds.
 *
 * Three rounds say little about how much one configuration scatters: the paired t interval is then twice as
 * wide as it needs to be. A variance pooled over all configurations is wrong too, because their scatter
 * differs. The variance of each configuration is therefore *moderated*: drawn towards the typical one of its
 * family (the configurations of one workload and corpus), the more strongly the more alike the variances of
 * the family are.
 *
 * 1. Model: log rate = configuration + round + noise, and each configuration has its own noise variance. The
 * configurations' and rounds' effects are removed by least squares.
 * 2. Variance of configuration i: s_i² = its residual squares ÷ d_i, with d_i = (1 − 1/n_i) · Σ (1 − 1/k_r)
 * over its
 * n_i rounds, of which round r has k_r configurations. This is exact when no trial is missing and the noise
 * is the
 * same for all; otherwise it draws s_i² slightly towards the others (F. E. Grubbs 1948, J. Am. Stat. Assoc.
 * 43).
 * 3. Prior: s_i² is taken as s0² · F(d_i, d0). Mean and variance of ln s_i² give s0² and d0
 * (G. K. Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3(1), section 6.2); d0 is at most `maxPriorDf`.
 * 4. Moderated variance: (d0·s0² + d_i·s_i²) / (d0 + d_i), with d0 + d_i degrees of freedom (Smyth 2004,
 * section 4).
 * 5. Difference of a and b over their n common rounds: the mean of the log ratios, its squared error
 * (s_a² + s_b²) / n, and degrees of freedom after Satterthwaite (1946, Biometrics Bull. 2).
 * 6. Error and degrees of freedom are calibrated by simulation (`calibration.ts`), since the prior is
 * estimated,
 * the variances do not follow it exactly and single trials are disturbed.
 *
 * A family with fewer than six configurations says too little about a prior: there, comparisons are paired t
 * tests.
 *
 * A race measures short trials first (its screening), and longer ones of the configurations that are left.
 * In short trials engines are less warm, which costs two workers more than one. Configurations that have
 * `enoughLong` longer trials in common are therefore compared by these alone.
 */

/** The rate that one valid trial measured. */
export interface LogRate {
  readonly configuration: string;
  readonly round: number;
  /** This is the natural logarithm of documents per second. */
  readonly log: number;
  /** True for a short trial of a race's screening. */
  readonly screening?: boolean;
}

/** Short trials do not count where there are this many longer ones. */
export const enoughLong = 5;

/** The mean log ratio of two configurations over the rounds that have both. */
export interface Difference {
  /** Common rounds, at least one. */
  readonly rounds: number;
  /** Above 0 where the first configuration is faster. */
  readonly mean: number;
  /** Null where too little is known about the scatter: below two common rounds. */
  readonly scatter: Scatter | null;
}

export interface Scatter {
  /** Calibrated standard error of the mean. */
  readonly error: number;
  /** Calibrated degrees of freedom. */
  readonly df: number;
}

/** The variance of one configuration's log rate, round effects removed. */
export interface ModeratedVariance {
  readonly variance: number;
  readonly df: number;
}

/** A prior is what a family says about the variance of any of its configurations. */
export interface Prior {
  readonly variance: number;
  /**
   * How many degrees of freedom the prior is worth: more where the variances are more alike, at most
   * `maxPriorDf`.
   */
  readonly df: number;
}

/** Configurations that compete with each other, and how to compare them. */
export interface Family {
  /** Null where comparisons are paired t tests, because there are fewer than six configurations. */
  readonly prior: Prior | null;
  /** Rounds in which the configuration has a valid trial. */
  rounds(configuration: string): number;
  /** @returns null where the configuration has fewer than two rounds, and without a prior */
  variance(configuration: string): ModeratedVariance | null;
  /** @returns log ratio of `a` to `b`; null without a common round */
  difference(a: string, b: string): Difference | null;
}

/** Below this many configurations the variances of a family are not pooled in any way. */
const minConfigurations = 6;

/** @param rates of one workload and corpus; a configuration has at most one rate per round */
export function moderate(rates: readonly LogRate[]): Family {
  const all = moderateAll(rates);
  if (!rates.some(({ screening }) => screening)) return all;
  const long = moderateAll(rates.filter(({ screening }) => !screening));
  const difference = (a: string, b: string): Difference | null => {
    const found = long.difference(a, b);
    return found !== null && found.rounds >= enoughLong ? found : all.difference(a, b);
  };
  return { ...all, difference };
}

function moderateAll(rates: readonly LogRate[]): Family {
  const byConfiguration = new Map(
    [...groupBy(rates, ({ configuration }) => configuration)].map(([name, own]) => [
      name,
      new Map(own.map(({ round, log }) => [round, log])),
    ]),
  );
  const variances = ownVariances(rates);
  const prior = variances.size < minConfigurations ? null : priorOf([...variances.values()]);
  const variance = (configuration: string): ModeratedVariance | null => {
    const own = variances.get(configuration);
    return own === undefined || prior === null ? null : moderatedBy(prior, own);
  };
  const difference = (a: string, b: string): Difference | null => {
    const reference = byConfiguration.get(b);
    const ratios: number[] = [];
    for (const [round, log] of byConfiguration.get(a) ?? []) {
      const other = reference?.get(round);
      if (other !== undefined) ratios.push(log - other);
    }
    if (ratios.length === 0) return null;
    const [first, second] = [variance(a), variance(b)];
    const scatter =
      prior === null || first === null || second === null
        ? pairedScatter(ratios)
        : moderatedScatter({ first, second, rounds: ratios.length, priorDf: prior.df });
    return { rounds: ratios.length, mean: mean(ratios), scatter };
  };
  return { prior, rounds: (name) => byConfiguration.get(name)?.size ?? 0, variance, difference };
}

/** @returns the two-sided interval of the log ratio; null where the scatter is not known */
export function interval(
  { mean, scatter }: Difference,
  { confidence = 0.95 } = {},
): { readonly low: number; readonly high: number } | null {
  if (scatter === null) return null;
  const half = tQuantile(1 - (1 - confidence) / 2, scatter.df) * scatter.error;
  return { low: mean - half, high: mean + half };
}

/** @returns two-sided p of no difference; null where the scatter is not known */
export function pValue({ mean, scatter }: Difference): number | null {
  if (scatter === null) return null;
  // Without any scatter a difference is certain, and so is its absence.
  if (scatter.error === 0) return mean === 0 ? 1 : 0;
  return 2 * tCdf(-Math.abs(mean / scatter.error), scatter.df);
}

function pairedScatter(ratios: readonly number[]): Scatter | null {
  const n = ratios.length;
  return n < 2 ? null : { error: Math.sqrt(squares(ratios) / (n - 1) / n), df: n - 1 };
}

function moderatedScatter({
  first,
  second,
  rounds,
  priorDf,
}: {
  readonly first: ModeratedVariance;
  readonly second: ModeratedVariance;
  readonly rounds: number;
  readonly priorDf: number;
}): Scatter | null {
  if (rounds < 2) return null;
  const sum = first.variance + second.variance;
  // Without any scatter the degrees of freedom do not matter.
  const df =
    sum === 0 ? first.df : sum ** 2 / (first.variance ** 2 / first.df + second.variance ** 2 / second.df);
  const calibration = calibrationAt({ rounds, priorDf });
  return { error: calibration.error * Math.sqrt(sum / rounds), df: calibration.df * df };
}

function moderatedBy(prior: Prior, own: ModeratedVariance): ModeratedVariance {
  const df = prior.df + own.df;
  return { variance: (prior.df * prior.variance + own.df * own.variance) / df, df };
}

/**
 * A variance below this share of the family's median counts as this share of it: its logarithm would rule the
 * prior.
 */
const floorShare = 1e-5;

/** Estimates the prior from the logarithms of variances with unequal degrees of freedom, as Smyth does. */
function priorOf(variances: readonly ModeratedVariance[]): Prior {
  const floor = floorShare * (median(variances.map(({ variance }) => variance)) ?? 0);
  if (floor === 0) return { variance: 0, df: maxPriorDf };
  const logs = variances.map(({ variance, df }) => Math.log(Math.max(variance, floor)) + logBias(df));
  const excess = squares(logs) / (logs.length - 1) - mean(variances.map(({ df }) => trigamma(df / 2)));
  const df = excess > 0 ? Math.min(maxPriorDf, 2 * trigammaInverse(excess)) : maxPriorDf;
  return { variance: Math.exp(mean(logs) - logBias(df)), df };
}

/** How far the logarithm of an estimated variance lies below the variance's logarithm, on average. */
function logBias(df: number): number {
  return Math.log(df / 2) - digamma(df / 2);
}

/** Variance of each configuration that has at least two rounds, with its degrees of freedom. */
function ownVariances(rates: readonly LogRate[]): Map<string, ModeratedVariance> {
  const configurations = indexed(rates.map(({ configuration }) => configuration));
  const rounds = indexed(rates.map(({ round }) => round));
  const left = residuals(
    rates.map(({ log }) => log),
    [configurations, rounds],
  );
  const sums = new Float64Array(configurations.keys.length);
  const compared = new Float64Array(configurations.keys.length);
  for (let i = 0; i < left.length; i++) {
    const own = configurations.of[i] as number;
    sums[own] = (sums[own] as number) + (left[i] as number) ** 2;
    compared[own] = (compared[own] as number) + 1 - 1 / (rounds.sizes[rounds.of[i] as number] as number);
  }
  return new Map(
    configurations.keys.flatMap((name, i) => {
      const df = (1 - 1 / (configurations.sizes[i] as number)) * (compared[i] as number);
      return df > 0 ? [[name, { variance: (sums[i] as number) / df, df }] as const] : [];
    }),
  );
}

/**
 * A factor of the two-way table: which of its keys each value belongs to, and how many values each key has.
 */
interface Factor<Key> {
  readonly keys: readonly Key[];
  readonly of: Int32Array;
  readonly sizes: Int32Array;
}

function indexed<Key>(values: readonly Key[]): Factor<Key> {
  const places = new Map<Key, number>();
  const of = Int32Array.from(values, (key) => {
    const place = places.get(key) ?? places.size;
    places.set(key, place);
    return place;
  });
  const sizes = new Int32Array(places.size);
  for (const place of of) sizes[place] = (sizes[place] as number) + 1;
  return { keys: [...places.keys()], of, sizes };
}

const maxPasses = 200;

/**
 * Removes what the factors explain, by alternating means: an unbalanced two-way table has no closed form, a
 * balanced one needs a single pass.
 */
function residuals(values: readonly number[], factors: readonly Factor<unknown>[]): Float64Array {
  const left = Float64Array.from(values);
  let before = sumOfSquares(left);
  for (let pass = 0; pass < maxPasses; pass++) {
    for (const factor of factors) removeMeans(left, factor);
    const after = sumOfSquares(left);
    if (before - after <= 1e-10 * before) break;
    before = after;
  }
  return left;
}

function removeMeans(left: Float64Array, { of, sizes }: Factor<unknown>): void {
  const means = new Float64Array(sizes.length);
  for (let i = 0; i < left.length; i++) {
    const place = of[i] as number;
    means[place] = (means[place] as number) + (left[i] as number) / (sizes[place] as number);
  }
  for (let i = 0; i < left.length; i++) left[i] = (left[i] as number) - (means[of[i] as number] as number);
}

function sumOfSquares(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return sum;
}
