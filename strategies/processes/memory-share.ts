import { totalmem } from 'node:os';
import type { Isolation } from '../strategy.js';

/**
 * How memory is shared out among workers. Limits of workers, groups of a job, `pick --max-memory` and
 * `forkwise size` calculate with these functions alone.
 */

/** Workers and their caller get this share of the memory; the rest is for the system, and for short peaks. */
export const usableShare = 0.8;
/** A Node process with our code and a few documents takes this much, measured on Node 20 to 26. */
const callerMb = 64;
/** The heap of a process gets this share of the memory of the process. */
const heapShare = 0.75;
/** No task loads if the heap is smaller. */
const minHeapMb = 16;

/** The size that each worker may grow to, MB of 2²⁰ bytes; an absent limit is the strategy's own. */
export interface Limits {
  readonly heapMb?: number;
  readonly memoryMb?: number;
}

/** The memory that this process may use. */
export function memoryBytes(): number {
  // 0, or more than there is, where nothing constrains it.
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** The part of a memory that workers share, MB: without the system's fifth, and without the caller. */
export function workersMb(memoryBytes: number): number {
  return (usableShare * memoryBytes) / 2 ** 20 - callerMb;
}

/** The limits of a worker that gets this share of the memory, MB; null if no task fits into it. */
export function limitsOf(shareMb: number, isolation: Isolation): Limits | null {
  if (isolation === 'none') return {};
  const isProcess = isolation === 'process';
  const heapMb = Math.floor(isProcess ? heapShare * shareMb : shareMb);
  if (heapMb < minHeapMb) return null;
  return isProcess ? { heapMb, memoryMb: Math.floor(shareMb) } : { heapMb };
}

export interface Capacity {
  readonly workers: number;
  /** What would have to grow for one more worker. */
  readonly bound: 'cores' | 'memory';
}

/**
 * How many workers a machine has room for: floor((0.8 · memory − caller) / worker), and no more than cores
 * where the task computes.
 * @param cores null for a task that waits, whose workers do not depend on cores
 */
export function capacityOf({
  memoryBytes,
  baseBytes,
  workerBytes,
  cores,
}: {
  readonly memoryBytes: number;
  /** Memory of the caller without any worker. */
  readonly baseBytes: number;
  readonly workerBytes: number;
  readonly cores: number | null;
}): Capacity {
  const fitting = Math.max(0, Math.floor((usableShare * memoryBytes - baseBytes) / workerBytes));
  const busy = cores === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(cores));
  return fitting < busy ? { workers: fitting, bound: 'memory' } : { workers: busy, bound: 'cores' };
}
