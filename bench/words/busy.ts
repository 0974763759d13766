import { isOk, type TrialRow } from '../tables/trial-columns.js';
import type { Conclusion } from '../verdict/conclude.js';

/** The first line of the output of a run on a busy machine; null where the machine was quiet enough. */
export function busyLine(conclusions: readonly Conclusion[]): string | null {
  const disturbed = conclusions.filter(({ busy }) => busy).length;
  if (disturbed === 0) return null;
  const all = conclusions.length;
  const share = disturbed === all ? '' : ` on ${disturbed} of ${all} sets of documents`;
  const begin = `The machine was busy: other processes disturbed trials${share}.`;
  return conclusions.every(({ claims }) => claims === 'nothing') ? begin : `${begin} The run only suggests.`;
}

/** Says in the first line of the output of `pick` and `recommend` that the machine was busy. */
export function busyTrialsLine(trials: readonly TrialRow[]): string {
  const counted = trials.filter(isOk);
  const disturbed = counted.filter(({ busy }) => busy === true).length;
  const which = disturbed === 0 ? 'the trials' : `${disturbed} of ${counted.length} trials`;
  return `The machine was busy: other processes disturbed ${which}. This is only a suggestion.`;
}
