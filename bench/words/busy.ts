import type { Conclusion } from '../verdict/conclude.js';

/** The first line of the output of a run on a busy machine; null where the machine was quiet enough. */
export function busyLine(conclusions: readonly Conclusion[]): string | null {
  const places = conclusions.filter(({ busy }) => busy).length;
  if (places === 0) return null;
  const share = `${places} of ${conclusions.length} sets of documents`;
  return `The machine was busy: other processes disturbed the trials of ${share}. The run only suggests.`;
}
