import type { Document, Kind } from '../../workloads/workload.js';

export const kind: Kind = 'cpu';

/** The result differs for every document, and has the size that real results have. */
export interface KernelResult {
  readonly index: number;
  readonly size: number;
  readonly last: number;
  readonly value: number;
}

/**
 * The task of the dispatch benchmark runs xorshift steps (Marsaglia 2003: 13, 17, 5). Their number is in
 * the document's first four bytes, little-endian; a shorter document has none. This way one open session
 * serves every granularity.
 */
export default function kernel({ index, size, bytes }: Document): KernelResult {
  const steps =
    size < 4
      ? 0
      : (bytes[0] as number) |
        ((bytes[1] as number) << 8) |
        ((bytes[2] as number) << 16) |
        ((bytes[3] as number) << 24);
  let x = index + 1;
  for (let i = 0; i < steps; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return { index, size, last: bytes[size - 1] ?? 0, value: x };
}
