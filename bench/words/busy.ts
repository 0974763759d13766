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
