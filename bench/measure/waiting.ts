import type { Kind } from '../../workloads/workload.js';
import { type Files, files } from './proc.js';

/** How a task spends its time while its documents are run one after the other. */
export interface Waiting {
  readonly wallMs: number;
  /** Of the whole process: threads of libuv and of the garbage collector, too. */
  readonly cpuMs: number;
  /** In which the thread could have run and other processes had the cores; 0 where the host does not say. */
  readonly delayedMs: number;
  /** In which the thread's event loop had nothing to do: what runs on other threads, or elsewhere, leaves it free. */
  readonly idleMs: number;
}

/** Sums up what lies between `begin` and `end`, so that what is done in between with a result counts for nothing. */
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
    // Of the main thread alone: nanoseconds, the second of three numbers.
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
 * From 0 to 1: what is left of the time without CPU time, and without that in which others had the cores; but no more than the loop was
 * idle. Who holds the thread does not wait, though it has no CPU: a quota may have stopped the process, or a child computes for it.
 */
export function waitingShare({ wallMs, cpuMs, delayedMs, idleMs }: Waiting): number {
  const runnableMs = wallMs - delayedMs;
  return runnableMs <= 0 ? 0 : Math.max(0, Math.min(1 - cpuMs / runnableMs, idleMs / wallMs));
}

/** Below a tenth more workers in flight than cores gain next to nothing, above nine tenths the cores hardly matter. */
export function kindOf(share: number): Kind {
  if (share < 0.1) return 'cpu';
  return share > 0.9 ? 'io' : 'mixed';
}
