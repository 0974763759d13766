import type { Document } from '../../../workloads/workload.js';

/**
 * Work in proportion to a document's size, and sizes over three orders of magnitude: one document may
 * outlast a hundred others.
 */
export default function skewed({ bytes }: Document): number {
  let hash = 0;
  for (let pass = 0; pass < 20; pass++) for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  return hash;
}
