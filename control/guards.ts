import { median } from '../bench/stats/estimate.js';

/**
 * Guards lower the number at work at once, or keep it from rising. Each looks at one signal: memory,
 * refusals of a service, the event loop's delay, CPU time.
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

/** The number rises again when nothing was refused for this time, ms, which doubles with each refusal. */
const firstHoldMs = 2000;
const maxHoldMs = 600_000;
/** The share of refusals that is left when a service is used fully. */
const fewRefusals = 0.01;
/** Work in flight is set this far below what the service has accepted. */
const margin = 0.97;
/** Refusals are looked at over this time, ms, or over two task times. */
const minLookMs = 1000;

/**
 * Finds the number at which a service begins to refuse. The documents that it accepts have a share of the
 * time of all documents at work; the same share of the number is what it can take.
 */
export class RefusalGuard {
  #look: { readonly sinceMs: number; readonly number: number } | null = null;
  #accepted = { documents: 0, ms: 0 };
  #refused = { documents: 0, ms: 0 };
  #refusedAt: number | null = null;
  #holdMs = firstHoldMs / 2;
  #step = 1;
  #nextRaiseMs = Infinity;
  #pending = false;

  accepted(taskMs: number): void {
    this.#accepted.documents++;
    this.#accepted.ms += taskMs;
  }

  /** @returns true where the number should be looked at now */
  refused(taskMs: number): boolean {
    this.#refused.documents++;
    this.#refused.ms += taskMs;
    this.#pending = true;
    return this.#look === null;
  }

  /** True after the service has refused, so that the number follows refusals instead of probes. */
  get limits(): boolean {
    return this.#refusedAt !== null;
  }

  /** Returns the next number, or null to leave it. */
  see(nowMs: number, number: number, highest: number): Lowered | null {
    if (this.#look === null) {
      if (this.#pending) return this.#firstRefusal(nowMs, number);
      return this.#maybeRaise(nowMs, number, highest);
    }
    const { documents, ms } = this.#accepted;
    const lookMs = Math.max(minLookMs, documents > 0 ? (2 * ms) / documents : 0);
    if (nowMs - this.#look.sinceMs < lookMs) return null;
    return this.#evaluate(nowMs, number);
  }

  #firstRefusal(nowMs: number, number: number): Lowered {
    this.#refusedAt = number;
    this.#holdMs = Math.min(2 * this.#holdMs, maxHoldMs);
    this.#step = 1;
    this.#again(nowMs, number);
    return { number: Math.max(1, number - smallStep(number)), why: 'a service has refused a document' };
  }

  #evaluate(nowMs: number, number: number): Lowered | null {
    const [accepted, refused] = [this.#accepted, this.#refused];
    const share = refused.documents / Math.max(accepted.documents + refused.documents, 1);
    if (share <= 2 * fewRefusals) {
      this.#look = null;
      this.#pending = false;
      this.#nextRaiseMs = nowMs + this.#holdMs;
      return null;
    }
    const taken = number * (accepted.ms / Math.max(accepted.ms + refused.ms, 1e-9));
    this.#again(nowMs, number);
    return {
      number: Math.max(1, Math.min(number - 1, Math.max(Math.floor(margin * taken), Math.ceil(number / 2)))),
      why: `a service refuses ${Math.round(100 * share)} % of the documents`,
    };
  }

  #again(nowMs: number, number: number): void {
    this.#look = { sinceMs: nowMs, number };
    this.#accepted = { documents: 0, ms: 0 };
    this.#refused = { documents: 0, ms: 0 };
    this.#pending = false;
  }

  /** A limit may have risen. The steps grow as long as nothing is refused. */
  #maybeRaise(nowMs: number, number: number, highest: number): Lowered | null {
    if (this.#refusedAt === null || nowMs < this.#nextRaiseMs) return null;
    const to = Math.min(number + this.#step * smallStep(number), highest);
    this.#step = Math.min(2 * this.#step, 8);
    this.#nextRaiseMs = nowMs + this.#holdMs;
    if (number > this.#refusedAt) {
      this.#refusedAt = null;
      this.#holdMs = firstHoldMs / 2;
    }
    return to <= number ? null : { number: to, why: 'no refusal for a while' };
  }
}

/** Returns 2.5 % of the number, at least one. */
function smallStep(number: number): number {
  return Math.max(1, Math.round(0.025 * number));
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
