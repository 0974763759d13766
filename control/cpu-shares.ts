import { median } from '../bench/stats/estimate.js';
import type { Signals } from './guards.js';

/** CPU time ÷ cores from which a higher number cannot help. */
const cpuFull = 0.97;
/** CPU time ÷ task time from which a task computes and does not wait. */
const computing = 0.95;
/** CPU time is looked at over this time, ms. */
const cpuLookMs = 1000;
/** A look tells what tasks do only where tasks ran for this share of it. */
const cpuFilled = 0.8;
/** The median of this many looks counts. */
const cpuLooks = 5;

interface CpuLook {
  readonly atMs: number;
  readonly number: number;
  readonly cpuMs: number;
  readonly tasksCpuMs: number;
}

/**
 * Keeps computing work within the cores: more of it at once is not faster.
 *
 * Whether tasks compute is seen at the lowest number so far. At a higher one they keep a thread busy together
 * even if each of them waits for half of its time.
 *
 * CPU time is that of whole processes, so the caller's own work counts as the tasks' where it runs beside
 * them. A look in which tasks ran for a part of the time only is left out, since most of its CPU time may be
 * others': a second runner of the process made tasks that wait look as if they computed.
 */
export class CpuShares {
  readonly #workers: number;
  #from: CpuLook | null = null;
  #taskMs = 0;
  #cores = Infinity;
  #ofCores = 0;
  #looks = 0;
  /** The shares of their time in which tasks have computed, in the last looks at the lowest number. */
  #ofTasks: { readonly number: number; readonly shares: readonly number[] } = {
    number: Infinity,
    shares: [],
  };

  constructor(workers: number) {
    this.#workers = workers;
  }

  worked(taskMs: number): void {
    this.#taskMs += taskMs;
  }

  see(nowMs: number, number: number, { cpuMs, tasksCpuMs = cpuMs, cores }: Signals): void {
    if (cpuMs === undefined || tasksCpuMs === undefined || cores === undefined) return;
    this.#cores = cores;
    const from = this.#from;
    const elapsedMs = from === null ? 0 : nowMs - from.atMs;
    if (from !== null && elapsedMs < cpuLookMs) return;
    if (from !== null && this.#taskMs > 0) {
      this.#looks++;
      this.#ofCores = (cpuMs - from.cpuMs) / (elapsedMs * cores);
      const threadsMs = elapsedMs * this.#workers;
      // Tasks that compute at once on one thread each take the time of all.
      const share = Math.min((tasksCpuMs - from.tasksCpuMs) / Math.min(this.#taskMs, threadsMs), 1);
      const isFilled = this.#taskMs >= cpuFilled * threadsMs * Math.min(number, from.number);
      if (isFilled) this.#seeTasks(Math.max(number, from.number), share);
    }
    this.#from = { atMs: nowMs, number, cpuMs, tasksCpuMs };
    this.#taskMs = 0;
  }

  #seeTasks(number: number, share: number): void {
    const before = this.#ofTasks;
    if (number > before.number) return;
    const kept = number === before.number ? before.shares.slice(1 - cpuLooks) : [];
    this.#ofTasks = { number, shares: [...kept, share] };
  }

  /** True as long as it is not known whether tasks compute, and soon will be. */
  get pending(): boolean {
    return this.#from !== null && this.#ofTasks.number === Infinity && this.#looks < cpuLooks;
  }

  /** Tasks compute for this share of their time, as far as it is known. */
  get share(): number {
    return median(this.#ofTasks.shares) ?? 0;
  }

  /** The number may rise to this from the present one. */
  highest(number: number): number {
    const { share } = this;
    if (share >= computing) return Math.max(number, Math.floor(this.#cores / this.#workers));
    if (this.#ofCores < cpuFull) return Infinity;
    // 1 ÷ share documents keep a thread busy, and one more is there when several wait at the same time: on
    // cores that seemed full, tasks that wait for half of their time were 12 to 24 % faster with it.
    return Math.max(number, Math.ceil(1 / share) + 1);
  }
}

/** A CPU quota that stops the processes in this share of its periods is noticed. */
const stopsFrom = 0.25;
/** It is forgotten when it stops them in no more than this share. */
const stopsUntil = 0.1;

/** Notices when a CPU quota begins to stop the processes, and when it no longer does. */
export class QuotaWatch {
  #stops = false;

  /** True while the quota stops the processes. */
  get stops(): boolean {
    return this.#stops;
  }

  /** Returns true if `stops` has changed. */
  see({ throttledShare }: Signals): boolean {
    if (throttledShare === undefined) return false;
    const before = this.#stops;
    this.#stops = throttledShare > (before ? stopsUntil : stopsFrom);
    return this.#stops !== before;
  }
}
