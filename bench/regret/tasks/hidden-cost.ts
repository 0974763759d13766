import type { Document } from '../../../workloads/workload.js';

/**
 * Hashes a document as often as its first bytes say: costs over two orders of magnitude, which its size
 * does not show. A pdf with many fonts or a page with many nested tables is like that.
 */
export default function hiddenCost({ bytes }: Document): number {
  const seed = ((bytes[0] ?? 0) * 31 + (bytes[1] ?? 0) * 17 + (bytes[2] ?? 0) * 7) % 101;
  const rounds = Math.ceil(100 / (101 - seed));
  let hash = 0;
  for (let i = 0; i < 3 * rounds; i++) for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  return hash;
}
