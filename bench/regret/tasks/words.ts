import type { Document } from '../../../workloads/workload.js';

/** Strings and a map: what text processing in JavaScript usually does, garbage included. */
export default function words({ bytes }: Document): { words: number; longest: string } {
  const counts = new Map<string, number>();
  let longest = '';
  for (const [word] of new TextDecoder()
    .decode(bytes)
    .toLowerCase()
    .matchAll(/\p{L}+/gu)) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
    if (word.length > longest.length) longest = word;
  }
  return { words: counts.size, longest };
}
