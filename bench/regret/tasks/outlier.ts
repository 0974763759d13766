import type { Document } from '../../../workloads/workload.js';

/**
 * Counts different words. In its documents one of four hundred costs as much as two hundred and seventy
 * others.
 */
export default function outlier({ bytes }: Document): number {
  const seen = new Set<string>();
  for (const [word] of new TextDecoder().decode(bytes).matchAll(/\p{L}{3,}/gu)) seen.add(word.toLowerCase());
  return seen.size;
}
