import { isOk, type TrialRow } from '../tables/trial-columns.js';

/**
 * Decides whether the machine was so busy that the trials of a workload and corpus can only suggest. It was
 * where too many cells had to keep a disturbed trial, or where other processes took too much of the machine
 * over all trials together.
 */
export function isBusy(trials: readonly TrialRow[]): boolean {
  const counted = trials.filter(isOk);
  const disturbed = counted.filter(({ busy }) => busy === true).length;
  return disturbed > maxDisturbedShare * counted.length || othersPercent(counted) > maxOthersPercent;
}

/** One disturbed trial in fifty does not move an interval by much. */
const maxDisturbedShare = 0.02;
/**
 * The limit is the one for a single trial. Over all trials together the error of counting in ticks is small.
 */
const maxOthersPercent = 5;

/** The share of the machine's time that others took, mean over the measured time. */
function othersPercent(trials: readonly TrialRow[]): number {
  const windows = trials.flatMap(({ noise_others_percent: percent, noise_window_ms: ms }) =>
    percent === null || ms === null ? [] : [{ percent, ms }],
  );
  const totalMs = windows.reduce((sum, { ms }) => sum + ms, 0);
  return totalMs === 0 ? 0 : windows.reduce((sum, { percent, ms }) => sum + percent * ms, 0) / totalMs;
}
