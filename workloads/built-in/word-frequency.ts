import type { Document, Kind, Views } from '../workload.js';

export const kind: Kind = 'cpu';
/** The task decodes the bytes at once and keeps none of them. */
export const views: Views = 'shared';

const decoder = new TextDecoder();
const word = /[\p{L}\p{N}]+/gu;

interface Frequencies {
  words: number;
  distinct: number;
  top: [term: string, count: number][];
}

/**
 * Counts the words of a UTF-8 text in lower case and returns the twenty most frequent ones. Ties are in
 * code-unit order.
 */
export default function wordFrequency(document: Document): Frequencies {
  const words = decoder.decode(document.bytes).toLowerCase().match(word) ?? [];
  const counts = new Map<string, number>();
  for (const term of words) counts.set(term, (counts.get(term) ?? 0) + 1);
  const top = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 20);
  return { words: words.length, distinct: counts.size, top };
}
