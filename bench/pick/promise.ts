import { mean, meanInterval } from '../stats/estimate.js';
import type { NonEmpty } from '../stats/group-by.js';
import type { CorpusCosts } from '../tables/environment.js';
import { withoutScreening } from '../tables/summarise.js';
import { isOk, type TrialRow } from '../tables/trial-columns.js';
import { newRun } from '../verdict/new-run.js';

/**
 * The rate to expect of a new run over the whole folder, documents per second, and why the range is as wide
 * as it is.
 */
export interface RunPromise {
  readonly mean: number;
  /** 95 % prediction interval; null if there are too few trials, or if the task remembers results. */
  readonly low: number | null;
  readonly high: number | null;
  /** The main reason for a wide range; null if it is not wide. */
  readonly wideBecause: Width | null;
  /** How much the rate still rose within the trials, percent; null if it did not. */
  readonly risePercent: number | null;
  /** One run over the folder in a new program; null if its rate is about as high, or unknown. */
  readonly cold: ColdRun | null;
}

/** A run whose code is cold at first. */
export interface ColdRun {
  readonly mean: number;
  /** True if the range of the promise covers such a run. */
  readonly isCovered: boolean;
}

/**
 * A new run differs because of the trials, other documents, the end of a run, code that still gets faster,
 * or code that is cold for much of the run.
 */
export type Width = 'trials' | 'sampling' | 'end' | 'warming' | 'cold';

/**
 * The trials of a configuration rest on a sample of documents; without costs the sample is taken for the
 * folder.
 */
export interface PromiseOptions {
  readonly trials: readonly TrialRow[];
  readonly costs: CorpusCosts | null;
  /** How long workers wait for the last document of a pass, mean, milliseconds. */
  readonly endMs: number | null;
  /** What a program loses until its code is warm, milliseconds; null if it is not known. */
  readonly coldCodeMs: number | null;
  /** True if the usual warm-up is too short for the task: its code is cold for much of a run. */
  readonly isSlowToWarm: boolean;
  readonly workers: number;
}

/** A range is wide if its ends differ by more than this factor. */
const wide = 1.4;
/** A run that starts cold has its own figure if its rate is lower by more than this factor. */
const clearlyCold = 0.9;
const normal = 1.96; // two-sided 95 %
/** The interval of two trials is so wide that it says nothing. */
const minTrials = 3;

/**
 * Starts from the prediction interval of the trials, which covers rounds and what runs differ by, and
 * converts it to the folder: the rate is multiplied by the mean cost of the measured documents ÷ the mean
 * cost of the folder's. The error of that mean is independent of the trials, so the squares add up. The end
 * of a run lowers only the low end, and a rate that still rose raises only the high end. The low end of a
 * task that is slow to warm up covers a run that starts cold; other tasks are soon warm.
 */
export function promiseOf(options: PromiseOptions): RunPromise {
  const { trials, costs, endMs, coldCodeMs, isSlowToWarm, workers } = options;
  const measured = newRun(trials);
  const rise = riseOf(trials);
  const risePercent = rise === 0 ? null : 100 * (Math.exp(rise) - 1);
  const scale = costs === null ? 1 : costs.pass_mean_ms / costs.folder_mean_ms;
  const longestMs = Math.max(0, ...(costs?.set_apart ?? []).map(({ ms }) => ms ?? 0));
  const documents = costs?.folder_documents ?? Number.POSITIVE_INFINITY;
  // No run is shorter than its longest document.
  const middle = Math.min(measured.mean * scale, longestMs > 0 ? (1000 * documents) / longestMs : Infinity);
  const seconds = documents / middle;
  const coldShare = Number.isFinite(seconds) ? seconds / (seconds + (coldCodeMs ?? 0) / 1000) : 1;
  const cold = coldShare < clearlyCold ? { mean: middle * coldShare, isCovered: isSlowToWarm } : null;
  const few = trials.filter(isOk).length < minTrials;
  if (few || measured.low === null || measured.high === null || costs?.remembers)
    return { mean: middle, low: null, high: null, wideBecause: null, risePercent, cold };
  const below = Math.log(measured.mean / measured.low);
  const above = Math.log(measured.high / measured.mean);
  const sampling = normal * (costs?.folder_mean_error ?? 0);
  const waitMs = Math.max(endMs ?? 0, longestMs * (1 - 1 / workers));
  const end = Math.log1p((waitMs / 1000) * (middle / documents));
  const slow = isSlowToWarm ? -Math.log(coldShare) : 0;
  const low = middle * Math.exp(-Math.hypot(below, sampling) - end - slow);
  const high = middle * Math.exp(Math.hypot(above, sampling) + rise);
  const shares: NonEmpty<{ readonly why: Width; readonly share: number }> = [
    { why: 'trials', share: below + above },
    { why: 'sampling', share: 2 * sampling },
    { why: 'end', share: end },
    { why: 'warming', share: rise },
    { why: 'cold', share: slow },
  ];
  const { why } = shares.reduce((largest, one) => (one.share > largest.share ? one : largest));
  return { mean: middle, low, high, wideBecause: high / low > wide ? why : null, risePercent, cold };
}

/** Smaller rises make no difference that matters, as a log ratio. */
const minRise = Math.log(1.03);

/** Returns how much the rate rose between the halves of the passes, as a log ratio; 0 if no rise is shown. */
function riseOf(trials: readonly TrialRow[]): number {
  const rises = withoutScreening(trials.filter(isOk))
    .map(({ rate_rise_percent }) => rate_rise_percent)
    .filter((percent) => percent !== null)
    .map((percent) => Math.log1p(percent / 100));
  if (rises.length < 3) return 0;
  const { low } = meanInterval(rises);
  const middle = mean(rises);
  return low !== null && low > 0 && middle > minRise ? middle : 0;
}
