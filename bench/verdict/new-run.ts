import { halfWidth, mean, squares } from '../stats/estimate.js';
import { isOk, type OkTrial, type TrialRow } from '../tables/columns.js';
import { comparableRate } from '../tables/summarise.js';

/** What a new run's rate may be expected to be, documents a second. */
export interface NewRun {
  readonly mean: number;
  /** 95 % prediction interval; null below two trials. */
  readonly low: number | null;
  readonly high: number | null;
}

/** A rate and the ends of a 95 % interval about it. */
interface Rate {
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/**
 * By how much a configuration's rate differs from one run to another, minutes apart and in another program, beside what its trials differ by
 * within one run: standard deviation of the logarithm, from `npm run promise` on eight of the ten tasks of `npm run regret`. With the
 * two others programs came out 20 % above and 18 % below the trials' mean.
 */
const betweenRuns = 0.05;
const normal = 1.96; // two-sided 95 %

/** So many long trials have an interval of their own that is of use. */
const enoughLong = 5;

/**
 * Of a run that is long against its last documents: what workers are idle for at the end of a pass is taken off its time.
 * t·s·√(1 + 1/n) on logarithms, and what runs differ by. A race's screening has shorter trials, which scatter more than what is
 * promised would: where there are enough of the longer ones, they speak alone.
 * @param trials of one cell, one of them valid at least
 */
export function newRun(trials: readonly TrialRow[]): NewRun {
  const all = trials.filter(isOk);
  const longest = Math.max(...all.map(({ wall_ms }) => wall_ms ?? 0));
  const long = all.filter(({ wall_ms }) => (wall_ms ?? 0) >= longest / 2);
  const logs = (long.length >= enoughLong ? long : all).map((trial) => Math.log(steadyRate(trial)));
  const middle = mean(logs);
  if (logs.length < 2) return { mean: Math.exp(middle), low: null, high: null };
  const df = logs.length - 1;
  const half = halfWidth({ variance: (squares(logs) / df) * (logs.length + 1), df, n: logs.length });
  const ofThisRun = { rate: Math.exp(middle), low: Math.exp(middle - half), high: Math.exp(middle + half) };
  return { mean: ofThisRun.rate, ...inNewRun(ofThisRun) };
}

/** Documents a second of a run that is long against its last documents, by one trial. */
export function steadyRate(trial: OkTrial): number {
  const { wall_ms, end_idle_ms } = trial;
  return (comparableRate(trial) * wall_ms) / (wall_ms - (end_idle_ms ?? 0));
}

/** From the ends for one more trial of the same run. The two errors are independent: on logarithms they add up in squares. */
export function inNewRun({ rate, low, high }: Rate): { low: number; high: number } {
  const from = (end: number) => Math.hypot(Math.log(end / rate), normal * betweenRuns);
  return { low: rate * Math.exp(-from(low)), high: rate * Math.exp(from(high)) };
}
