import { isOk, type TrialRow } from '../tables/trial-columns.js';

/** The share of a pass's documents on which the task failed, 0 to 1: the largest over the valid trials. */
export function failedShare(trials: readonly TrialRow[]): number {
  const shares = trials.filter(isOk).map((row) => row.outcomes_failed / (row.passes * row.documents));
  return Math.max(0, ...shares);
}
