import { type Limits, limitsOf, workersMb } from '../../strategies/processes/memory-share.js';
import type { Isolation } from '../../strategies/strategy.js';

/** Shares a memory limit out: workers × share + caller ≤ 80 % of it. Null if the workers cannot fit. */
export function limitsUnder(
  maxMemoryBytes: number | null,
  { isolation, workers }: { isolation: Isolation; workers: number },
): Limits | null {
  return maxMemoryBytes === null ? {} : limitsOf(workersMb(maxMemoryBytes) / workers, isolation);
}
