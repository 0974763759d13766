/**
 * Guards lower the number at work at once, or keep it from rising. Each looks at one signal: memory and the
 * event loop's delay in here, CPU time in `cpu-shares.ts`, refusals of a service in `refusal-guard.ts`.
 */

/** The caller measures these on the machine. A guard does nothing where its signal is absent. */
export interface Signals {
  /** The process and its children use this memory. */
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
  /** The caller's event loop was this late in the last second, ms. */
  readonly loopDelayMs?: number;
  /** Share of the last periods in which a CPU quota has stopped the processes. */
  readonly throttledShare?: number;
  /** CPU time of the process and its children since they started, ms. */
  readonly cpuMs?: number;
  /** Likewise, of the processes in which tasks run. A child that only serves them is none. Absent: of all. */
  readonly tasksCpuMs?: number;
  /** These may be used, a quota included. */
  readonly cores?: number;
}

/** A guard wants this number at most, and says why. */
export interface Lowered {
  readonly number: number;
  readonly why: string;
}

/** A lower number is given this time to show an effect, ms. */
const effectMs = 2000;
/** Memory may be used up to this share of the limit when the number rises. */
const memoryFill = 0.9;
/** The number is lowered from this share on. */
const memoryHigh = 0.93;
/** It is then lowered to this share. */
const memoryLow = 0.87;

/** Keeps memory below its limit: a document more needs about what the last ones have needed. */
export class MemoryGuard {
  #loweredMs = -Infinity;
  #before: { readonly number: number; readonly bytes: number } | null = null;
  #now: { readonly number: number; readonly bytes: number } | null = null;

  /**
   * Returns the lower number when memory is near its limit.
   * @param taskMs documents in progress keep their memory for about this time
   */
  see(
    nowMs: number,
    number: number,
    { memoryBytes, memoryLimitBytes }: Signals,
    taskMs: number,
  ): Lowered | null {
    if (memoryBytes === undefined || memoryLimitBytes === undefined) return null;
    if (this.#now?.number !== number) {
      this.#before = this.#now;
      this.#now = { number, bytes: memoryBytes };
    } else if (memoryBytes > this.#now.bytes) this.#now = { number, bytes: memoryBytes };
    if (memoryBytes < memoryHigh * memoryLimitBytes || number <= 1) return null;
    if (nowMs - this.#loweredMs < Math.max(effectMs, 2 * taskMs)) return null;
    this.#loweredMs = nowMs;
    const over = (memoryBytes - memoryLow * memoryLimitBytes) / this.#bytesEach();
    return {
      number: Math.max(1, number - Math.max(1, Math.ceil(over))),
      why: `memory ${megabytes(memoryBytes)} of ${megabytes(memoryLimitBytes)} MB`,
    };
  }

  /** Returns the highest number that memory allows, as far as it is known. */
  highest({ memoryLimitBytes }: Signals): number {
    const now = this.#now;
    if (now === null || memoryLimitBytes === undefined) return Infinity;
    return now.number + Math.floor((memoryFill * memoryLimitBytes - now.bytes) / this.#bytesEach());
  }

  /** One more per worker needs this much; at first, its share of everything. */
  #bytesEach(): number {
    const { number, bytes } = this.#now as { number: number; bytes: number };
    const share = bytes / number;
    if (this.#before === null) return share;
    const slope = (bytes - this.#before.bytes) / (number - this.#before.number);
    // Memory that was kept for later hides what a document needs, so the slope is not believed when small.
    return Math.max(slope, share / 4, 1);
  }
}

/** A loop that is later than this is too busy, ms. */
const lateMs = 100;

/**
 * Lowers the number while the caller's event loop is late, as long as that helps: a task that computes for
 * long makes the loop late at any number.
 */
export class LoopGuard {
  #lowered: { readonly atMs: number; readonly delayMs: number } | null = null;
  #helpless = false;

  see(nowMs: number, number: number, { loopDelayMs }: Signals): Lowered | null {
    if (loopDelayMs === undefined) return null;
    if (loopDelayMs < lateMs) {
      this.#lowered = null;
      this.#helpless = false;
      return null;
    }
    if (this.#helpless || number <= 1) return null;
    if (this.#lowered !== null) {
      if (nowMs - this.#lowered.atMs < effectMs) return null;
      this.#helpless = loopDelayMs > 0.9 * this.#lowered.delayMs;
      if (this.#helpless) return null;
    }
    this.#lowered = { atMs: nowMs, delayMs: loopDelayMs };
    return {
      number: number - Math.max(1, Math.floor(number / 4)),
      why: `the event loop is ${Math.round(loopDelayMs)} ms late`,
    };
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
