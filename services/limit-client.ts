import { clearTimeout, setTimeout } from 'node:timers';
import { serviceClosed } from './circuit.js';
import type { Answered, DoneSlot, Given, LimitAnswer, Want } from './limit-protocol.js';
import { LimitReports, type ReportOptions } from './limit-reports.js';
import type { Slot, TakenSlot } from './limits.js';
import { maxPauseMs } from './retry.js';

/** A worker gets this with its task where the session has limits. */
export interface LimitFacts {
  /** A worker may have this many slots in advance: a twentieth of the smallest limit. */
  readonly maxAdvance: number;
  /** One request may have this many tokens; null where tokens are not limited. */
  readonly maxTokens: number | null;
}

export interface LimitClientOptions extends ReportOptions {
  /** Null without limits: then only the service's own refusals hold tasks back. */
  readonly limits: LimitFacts | null;
  readonly sharesClock: boolean;
  /** False where there is no way to the caller. */
  readonly hasCaller: boolean;
}

interface Waiter extends Want {
  readonly resolve: (slot: TakenSlot) => void;
  readonly reject: (cause: unknown) => void;
  /** Rejects it when the document is no longer wanted. */
  readonly abort: () => void;
  readonly signal: AbortSignal;
  slot: Slot | null;
  timer: NodeJS.Timeout | null;
}

/** Slots are asked for in advance where a worker uses at least this many in `rateMs`. */
const minAdvance = 5;
const rateMs = 100;
/** Slots in advance are asked for again after this time, when none were free, ms. */
const askAgainMs = 20;
/** The slot of a request that no limit counts. */
const noSlot: TakenSlot = { id: 0, atMs: 0, untilMs: 0, isProbe: false, usedMs: 0 };

/** A worker's end of the limits: see `limit-protocol.ts`. */
export class LimitClient {
  readonly #options: LimitClientOptions;
  readonly #now: () => number;
  readonly #waiters = new Map<number, Waiter>();
  /** True once a task has asked for a slot: no slot is taken for its documents any more. */
  tasksAcquire = false;
  /**
   * Waits for the caller's first word, which says whether the service may be called; null when it was
   * heard.
   */
  #first: PromiseWithResolver | null;
  #lastWant = 0;
  /** Slots in advance, the earliest last. */
  #advance: Slot[] = [];
  /** Slots in advance were asked for at this time, and have not come. */
  #askedMs = Number.NEGATIVE_INFINITY;
  #closedUntilMs = Number.NEGATIVE_INFINITY;
  /** Slots that were taken since `#countedMs`, and in the time of the same length before it. */
  #taken = 0;
  #takenBefore = 0;
  #countedMs = 0;
  readonly #reports: LimitReports;
  /** Documents that would be tried again, and wait for the caller's word. */
  readonly #retries = new Map<number, (isAllowed: boolean) => void>();
  #closed: Error | null = null;

  constructor(options: LimitClientOptions) {
    this.#options = options;
    this.#now = options.now;
    this.#reports = new LimitReports(options);
    this.#first = options.hasCaller ? withResolver() : null;
  }

  /** Returns a slot that is used from now on; null when there is none at once. */
  acquireNow(tokens: number): TakenSlot | null {
    const { limits } = this.#options;
    const nowMs = this.#now();
    if (limits === null) return this.#first === null && this.#closedUntilMs <= nowMs ? noSlot : null;
    const slot = tokens === 0 ? this.#fromAdvance(nowMs) : null;
    if (slot !== null) this.#askForMore(limits, nowMs);
    return slot;
  }

  /**
   * Waits for a slot, which is used from when this resolves.
   * @throws RangeError for more tokens than the limit has; the signal's reason
   */
  async acquire(tokens: number, signal: AbortSignal): Promise<TakenSlot> {
    if (this.#closed !== null) throw this.#closed;
    const closed = this.#closedForLong();
    if (closed !== null) throw closed;
    const { limits } = this.#options;
    if (limits === null) return this.#whenOpen(signal);
    const max = limits.maxTokens ?? Number.POSITIVE_INFINITY;
    if (!(tokens >= 0) || tokens > max)
      throw new RangeError(`expected tokens from 0 to the limit itself, ${max}, got ${tokens}`);
    this.#count(this.#now());
    return this.#wait(tokens, signal);
  }

  /** The service has answered a request. */
  answered(answer: Answered): void {
    this.#reports.answered(answer);
    if (answer.isRefused && answer.pauseMs !== null)
      this.#closedUntilMs = Math.max(this.#closedUntilMs, this.#now() + answer.pauseMs);
  }

  /** The slot's request has been answered, or never will be. */
  done(slot: DoneSlot): void {
    if (slot.id !== 0) this.#reports.done(slot);
  }

  /** A document is tried for the first time. */
  begin(): void {
    this.#reports.begin();
  }

  /** Asks whether a document may be tried again. @throws the signal's reason */
  mayRetry(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== null || signal.aborted) return reject(this.#closed ?? signal.reason);
      const want = ++this.#lastWant;
      const end = () => {
        this.#retries.delete(want);
        signal.removeEventListener('abort', abort);
      };
      const abort = () => {
        end();
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#retries.set(want, (isAllowed) => {
        end();
        resolve(isAllowed);
      });
      this.#reports.mayRetry(want);
    });
  }

  /** Takes a message of the caller. */
  receive({ clockMs, given = [], closedUntilMs, retries }: LimitAnswer): void {
    if (retries !== undefined)
      for (const want of retries.asked) this.#retries.get(want)?.(retries.allowed.includes(want));
    this.#first?.resolve();
    this.#first = null;
    const nowMs = this.#now();
    const offsetMs = this.#options.sharesClock ? 0 : nowMs - clockMs;
    if (closedUntilMs !== undefined)
      this.#closedUntilMs = Math.max(this.#closedUntilMs, closedUntilMs + offsetMs);
    const closed = this.#closedForLong();
    if (closed !== null)
      for (const waiter of [...this.#waiters.values()]) {
        if (waiter.slot !== null) this.#reports.unused(waiter.slot.id);
        this.#forget(waiter);
        waiter.reject(closed);
      }
    const due: Waiter[] = [];
    for (const each of given) {
      const slot: Given = { ...each, atMs: each.atMs + offsetMs };
      const waiter = slot.want === null ? undefined : this.#waiters.get(slot.want);
      if (slot.want === null) {
        this.#advance.push(slot);
        this.#askedMs = Number.NEGATIVE_INFINITY;
      } else if (waiter === undefined) this.#reports.unused(slot.id);
      else {
        waiter.slot = slot;
        if (slot.atMs <= nowMs) due.push(waiter);
        else this.#wake(waiter, slot.atMs - nowMs);
      }
    }
    this.#advance.sort((a, b) => b.atMs - a.atMs);
    this.#use(due, nowMs);
  }

  /** No slot is given any more: all that wait are rejected. */
  close(cause: Error): void {
    this.#closed = cause;
    this.#first?.resolve();
    this.#reports.close();
    for (const answer of [...this.#retries.values()]) answer(false);
    for (const waiter of [...this.#waiters.values()]) {
      this.#forget(waiter);
      waiter.reject(cause);
    }
  }

  #fromAdvance(nowMs: number): TakenSlot | null {
    for (;;) {
      const slot = this.#advance.at(-1);
      if (slot === undefined || slot.atMs > nowMs || this.#closedUntilMs > nowMs) return null;
      this.#advance.pop();
      if (slot.untilMs < nowMs) {
        this.#reports.unused(slot.id);
        continue;
      }
      this.#reports.used({ id: slot.id, atMs: nowMs });
      this.#reports.flushLater();
      this.#taken++;
      return { ...slot, usedMs: nowMs };
    }
  }

  #askForMore(limits: LimitFacts, nowMs: number): void {
    if (nowMs < this.#askedMs + askAgainMs) return;
    this.#count(nowMs);
    if (this.#advance.length * 2 <= this.#wished(limits)) this.#flush(this.#wished(limits));
  }

  /** The number of slots that the worker would use in `rateMs`; 0 where that is not worth a message. */
  #wished({ maxAdvance, maxTokens }: LimitFacts): number {
    if (maxTokens !== null) return 0;
    const wished = Math.min(maxAdvance, Math.max(this.#taken, this.#takenBefore));
    return wished < minAdvance ? 0 : wished;
  }

  #count(nowMs: number): void {
    if (nowMs < this.#countedMs + rateMs) return;
    this.#takenBefore = nowMs < this.#countedMs + 2 * rateMs ? this.#taken : 0;
    this.#taken = 0;
    this.#countedMs = nowMs;
  }

  #wait(tokens: number, signal: AbortSignal): Promise<TakenSlot> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const want = ++this.#lastWant;
      const waiter: Waiter = {
        want,
        tokens,
        resolve,
        reject,
        signal,
        abort: () => {
          if (waiter.slot !== null) this.#reports.unused(waiter.slot.id);
          this.#forget(waiter);
          this.#reports.flushSoon();
          reject(signal.reason);
        },
        slot: null,
        timer: null,
      };
      signal.addEventListener('abort', waiter.abort, { once: true });
      this.#waiters.set(want, waiter);
      this.#reports.want({ want, tokens });
      this.#reports.flushSoon();
    });
  }

  /** The error of tasks that would have to wait for longer than a job does; null where they need not. */
  #closedForLong(): Error | null {
    const leftMs = this.#closedUntilMs - this.#now();
    if (leftMs <= maxPauseMs) return null;
    const error = new Error(
      `the service asks to wait for ${Math.ceil(leftMs / 60_000)} minutes, and forkwise waits for ` +
        `${maxPauseMs / 60_000} at most: run these documents again later`,
    );
    error.name = serviceClosed;
    return Object.assign(error, { retryAfterMs: leftMs });
  }

  async #whenOpen(signal: AbortSignal): Promise<TakenSlot> {
    if (this.#first !== null) await this.#first.promise;
    while (this.#closedUntilMs > this.#now()) await pause(this.#closedUntilMs - this.#now(), signal);
    return noSlot;
  }

  #wake(waiter: Waiter, inMs: number): void {
    waiter.timer = setTimeout(() => {
      const nowMs = this.#now();
      const { slot } = waiter;
      if (slot === null) return;
      if (slot.atMs > nowMs) this.#wake(waiter, slot.atMs - nowMs);
      else this.#use([waiter], nowMs);
    }, Math.ceil(inMs));
  }

  /**
   * Gives waiters their slots, after the caller knows of it. A slot that comes too late is asked for again.
   */
  #use(waiters: readonly Waiter[], nowMs: number): void {
    const ready: Waiter[] = [];
    for (const waiter of waiters) {
      const slot = waiter.slot as Slot;
      if (slot.untilMs < nowMs || this.#closedUntilMs > nowMs) {
        this.#reports.unused(slot.id);
        waiter.slot = null;
        const { want, tokens } = waiter;
        this.#reports.want({ want, tokens });
      } else {
        this.#reports.used({ id: slot.id, atMs: nowMs });
        this.#taken++;
        ready.push(waiter);
      }
    }
    const { limits } = this.#options;
    const isBusy = limits !== null && this.#advance.length === 0 && nowMs >= this.#askedMs + askAgainMs;
    this.#flush(isBusy ? this.#wished(limits) : 0);
    for (const waiter of ready) {
      this.#forget(waiter);
      waiter.resolve({ ...(waiter.slot as Slot), usedMs: nowMs });
    }
  }

  #forget(waiter: Waiter): void {
    this.#waiters.delete(waiter.want);
    waiter.signal.removeEventListener('abort', waiter.abort);
    if (waiter.timer !== null) clearTimeout(waiter.timer);
  }

  /** @param advance this many slots in advance are asked for, too */
  #flush(advance: number): void {
    if (advance > 0) this.#askedMs = this.#now();
    this.#reports.flush(advance);
  }
}

interface PromiseWithResolver {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function withResolver(): PromiseWithResolver {
  let resolve = () => {};
  const promise = new Promise<void>((given) => {
    resolve = given;
  });
  return { promise, resolve };
}

/** Waits, unless the signal aborts. @throws the signal's reason */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, Math.ceil(ms));
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}
