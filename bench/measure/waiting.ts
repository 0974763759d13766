import type { Kind } from '../../workloads/workload.js';
import { type Files, files } from './proc.js';

/** How a task spends its time while its documents run one after the other. */
export interface Waiting {
  readonly wallMs: number;
  /** CPU time of the whole process, which includes the threads of libuv and of the garbage collector. */
  readonly cpuMs: number;
  /** Time in which the thread was runnable but other processes had the cores; 0 if the host does not say. */
  readonly delayedMs: number;
  /**
   * Time in which the thread's event loop had nothing to do. It is also free while work runs on other threads
   * or on other machines.
   */
  readonly idleMs: number;
}

/**
 * Adds up the time between each `begin` and its `end`. The time after an `end`, in which a result is
 * processed, does not count.
 */
export class WaitingMeter {
  readonly #files: Files;
  #wallMs = 0;
  #cpuMs = 0;
  #delayedMs = 0;
  #idleMs = 0;
  #open: Waiting | null = null;

  constructor(from: Files = files) {
    this.#files = from;
  }

  begin(): void {
    this.#open = this.#now();
  }

  end(): void {
    if (this.#open === null) return;
    const { wallMs, cpuMs, delayedMs, idleMs } = this.#now();
    this.#wallMs += wallMs - this.#open.wallMs;
    this.#cpuMs += cpuMs - this.#open.cpuMs;
    this.#delayedMs += delayedMs - this.#open.delayedMs;
    this.#idleMs += idleMs - this.#open.idleMs;
    this.#open = null;
  }

  get total(): Waiting {
    return { wallMs: this.#wallMs, cpuMs: this.#cpuMs, delayedMs: this.#delayedMs, idleMs: this.#idleMs };
  }

  #now(): Waiting {
    // The second of the three numbers is the delay of the main thread alone, nanoseconds.
    const delayedNs = this.#files.read('/proc/self/schedstat')?.split(' ')[1] ?? 0;
    const { user, system } = process.cpuUsage();
    const { idle: idleMs } = performance.eventLoopUtilization();
    return {
      wallMs: performance.now(),
      cpuMs: (user + system) / 1e3,
      delayedMs: Number(delayedNs) / 1e6,
      idleMs,
    };
  }
}

/**
 * Returns the share of the time in which the task waited, from 0 to 1. It is the time that is left after
 * subtracting the CPU time and the time in which other processes had the cores, but at most the time in which
 * the event loop was idle. A task that blocks the thread does not wait, even if it uses no CPU time: a quota
 * may have stopped the process, or a child process may be computing for it.
 */
export function waitingShare({ wallMs, cpuMs, delayedMs, idleMs }: Waiting): number {
  const runnableMs = wallMs - delayedMs;
  return runnableMs <= 0 ? 0 : Math.max(0, Math.min(1 - cpuMs / runnableMs, idleMs / wallMs));
}

/**
 * Names the kind of a task by its waiting share. Below a tenth, more documents in flight than cores gain
 * almost nothing. Above nine tenths, the number of cores hardly matters.
 */
export function kindOf(share: number): Kind {
  if (share < 0.1) return 'cpu';
  return share > 0.9 ? 'io' : 'mixed';
}
