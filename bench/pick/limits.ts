import type { Isolation } from '../../strategies/strategy.js';

/** The size that each worker may grow to, MB of 2²⁰ bytes; an absent limit is the strategy's own. */
export interface Limits {
  readonly heapMb?: number;
  readonly memoryMb?: number;
}

/** The rest is for the system, and for peaks between two samples. */
const usable = 0.8;
/** A Node process with our code and a few documents takes this much, measured on Node 20 to 26. */
const callerMb = 64;
/** The heap of a process gets this share of the memory of the process. */
const heapShare = 0.75;
/** No task loads if the heap is smaller. */
const minHeapMb = 16;

/** Shares a memory limit out: workers × share + caller ≤ 80 % of it. Null if the workers cannot fit. */
export function limitsUnder(
  maxMemoryBytes: number | null,
  { isolation, workers }: { isolation: Isolation; workers: number },
): Limits | null {
  if (maxMemoryBytes === null || isolation === 'none') return {};
  const shareMb = (usable * (maxMemoryBytes / 2 ** 20) - callerMb) / workers;
  const heapMb = Math.floor(isolation === 'process' ? heapShare * shareMb : shareMb);
  if (heapMb < minHeapMb) return null;
  return isolation === 'process' ? { heapMb, memoryMb: Math.floor(shareMb) } : { heapMb };
}
