import { halfWidth, mean, squares } from '../stats/estimate.js';
import { comparableRate, withoutScreening } from '../tables/summarise.js';
import { isOk, type OkTrial, type TrialRow } from '../tables/trial-columns.js';

/** The rate to expect of a new run, documents per second. */
export interface NewRun {
  readonly mean: number;
  /** The ends of the 95 % prediction interval are null below two trials. */
  readonly low: number | null;
  readonly high: number | null;
}

/** A rate is given with the ends of a 95 % interval around it. */
interface Rate {
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Standard deviation of log(rate) between runs: how much the same configuration differs from one run to
 * another, minutes apart and in another program, on top of how its trials differ within one run. It was
 * measured by `npm run promise` on eight of the ten tasks of `npm run regret`. On the two others the programs
 * were 20 % above and 18 % below the trials' mean.
 */
const betweenRuns = 0.05;
const normal = 1.96; // two-sided 95 %

/**
 * Predicts the rate of a long run. The time that workers are idle for at the end of a pass is subtracted,
 * because a long run has it only once. The interval is t·s·√(1 + 1/n) on logarithms, and runs differ by more
 * than trials do. A race's screening has shorter trials, which scatter more than a long run; if there are
 * enough long ones, only they count.
 * @param trials of one cell; at least one is valid
 */
export function newRun(trials: readonly TrialRow[]): NewRun {
  const logs = withoutScreening(trials.filter(isOk)).map((trial) => Math.log(steadyRate(trial)));
  const middle = mean(logs);
  if (logs.length < 2) return { mean: Math.exp(middle), low: null, high: null };
  const df = logs.length - 1;
  const half = halfWidth({ variance: (squares(logs) / df) * (logs.length + 1), df, n: logs.length });
  const ofThisRun = { rate: Math.exp(middle), low: Math.exp(middle - half), high: Math.exp(middle + half) };
  return { mean: ofThisRun.rate, ...inNewRun(ofThisRun) };
}

/** Documents a second of a run that is long against its last documents, by one trial. */
function steadyRate(trial: OkTrial): number {
  const { wall_ms, end_idle_ms } = trial;
  return (comparableRate(trial) * wall_ms) / (wall_ms - (end_idle_ms ?? 0));
}

/**
 * Widens the interval of one more trial of the same run to that of a new run. The two errors are independent:
 * on logarithms their squares add up.
 */
export function inNewRun({ rate, low, high }: Rate): { low: number; high: number } {
  const from = (end: number) => Math.hypot(Math.log(end / rate), normal * betweenRuns);
  return { low: rate * Math.exp(-from(low)), high: rate * Math.exp(from(high)) };
}
