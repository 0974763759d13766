import { readFileSync } from 'node:fs';

/** CPU time while documents run one after the other, ms. */
export interface Computing {
  /** CPU time of the thread that runs the task. */
  readonly ownMs: number;
  /** All other threads used this CPU time: Node's pool, a library's own threads, garbage collection. */
  readonly besideMs: number;
  /** The event loop of the thread had nothing to do during this time. */
  readonly idleMs: number;
  readonly wallMs: number;
}

/** Adds up the CPU time that is used between `begin` and `end`, on the main thread and beside it. */
export class ComputingMeter {
  #sum: Computing = { ownMs: 0, besideMs: 0, idleMs: 0, wallMs: 0 };
  #known = true;
  #open: Computing | null = null;

  begin(): void {
    this.#open = this.#now();
  }

  end(): void {
    const from = this.#open;
    const to = this.#now();
    this.#open = null;
    if (from === null || to === null) return;
    const keys = Object.keys(to) as (keyof Computing)[];
    this.#sum = Object.fromEntries(
      keys.map((key) => [key, this.#sum[key] + to[key] - from[key]]),
    ) as unknown as Computing;
  }

  /** Null where the system does not say how much CPU time one thread used. */
  get total(): Computing | null {
    return this.#known ? this.#sum : null;
  }

  #now(): Computing | null {
    const ownMs = threadCpuMs();
    if (ownMs === null) {
      this.#known = false;
      return null;
    }
    const { user, system } = process.cpuUsage();
    const { idle: idleMs } = performance.eventLoopUtilization();
    return { ownMs, besideMs: (user + system) / 1e3 - ownMs, idleMs, wallMs: performance.now() };
  }
}

/** CPU time of the main thread: newer versions of Node know it, and Linux does. */
function threadCpuMs(): number | null {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => { user: number; system: number } };
  if (threadCpuUsage !== undefined) {
    const { user, system } = threadCpuUsage.call(process);
    return (user + system) / 1e3;
  }
  try {
    const [cpuNs] = readFileSync('/proc/self/schedstat', 'utf8').split(' ');
    return Number(cpuNs) / 1e6;
  } catch {
    return null;
  }
}
