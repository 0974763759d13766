import type { Isolation } from '../../strategies/strategy.js';

/** What each worker may grow to, MB of 2²⁰ bytes; absent: the strategy's own limits. */
export interface Limits {
  readonly heapMb?: number;
  readonly memoryMb?: number;
}

/** The rest is for the system, and for peaks between two looks. */
const usable = 0.8;
/** A Node process with our code and a few documents in it, measured on Node 20 to 26. */
const callerMb = 64;
/** What a process's heap may have of what the process may have. */
const heapShare = 0.75;
/** With less no task loads. */
const leastHeapMb = 16;

/** A cap on the whole tree, shared out: N_workers × share + caller ≤ 80 % of it. Null when so many workers cannot fit. */
export function limitsUnder(
  maxMemoryBytes: number | null,
  { isolation, workers }: { isolation: Isolation; workers: number },
): Limits | null {
  if (maxMemoryBytes === null || isolation === 'none') return {};
  const shareMb = (usable * (maxMemoryBytes / 2 ** 20) - callerMb) / workers;
  const heapMb = Math.floor(isolation === 'process' ? heapShare * shareMb : shareMb);
  if (heapMb < leastHeapMb) return null;
  return isolation === 'process' ? { heapMb, memoryMb: Math.floor(shareMb) } : { heapMb };
}
