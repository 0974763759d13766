import { clearTimeout, setTimeout } from 'node:timers';
import type { OpenOptions, SideChannel } from '../strategies/strategy.js';
import type { Given, LimitAnswer, LimitRequest, Want } from './limit-protocol.js';
import { readLimits, type Slot } from './limits.js';
import { RateLimiter } from './rate-limiter.js';
import { budgetOf, RetryBudget } from './retry.js';
import { SharedLimits, type SharePool } from './shared-limits.js';

/** Carries answers to one connected worker, or to all workers of an agent. */
export interface LimitWire {
  /** @param worker the worker that the answer is for; null for all behind this wire */
  send(worker: string | null, answer: LimitAnswer): void;
  /** True where the worker has the clock of this machine. */
  readonly sharesClock: boolean;
}

interface Asker {
  readonly wire: LimitWire;
  readonly worker: string;
  /** When the worker sent its request, in its own clock, and when that arrived here. */
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** A limiter needs these of the options of a session. */
export interface LimitServices extends Pick<OpenOptions, 'limits' | 'retry'> {
  /** Other callers share the limits here. Absent: there are none. */
  readonly sharePool?: SharePool;
}

/** Messages of a worker may still arrive for this time after it has ended, ms. */
const lastWordsMs = 250;
/** While tasks wait, slots of which nothing was heard are looked for this often, ms. */
const sweepMs = 100;

/** Decides about limits: the session's own, or on another machine the caller's. */
export type LimitEnd = Pick<LimitServer, 'connect' | 'disconnect' | 'receive' | 'close'>;

/** The channel of a session that works for a caller on another machine. */
export interface InnerChannel extends SideChannel {
  readonly limits: LimitEnd;
}

/**
 * The one limiter of a session, at the caller. It answers the wants of all workers in the order in which they
 * arrive.
 */
export class LimitServer {
  readonly #limiter: RateLimiter;
  /** Null where this caller has the limits for itself. */
  readonly #shared: SharedLimits | null = null;
  /** All workers know that the service is closed until this time. */
  #toldUntilMs = Number.NEGATIVE_INFINITY;
  readonly #budget: RetryBudget;
  readonly #now: () => number;
  readonly #wires = new Set<LimitWire>();
  /** The wire of each worker that has ever asked. */
  readonly #workers = new Map<string, LimitWire>();
  readonly #waiting: (Want & Asker)[] = [];
  #timer: NodeJS.Timeout | null = null;
  #sweptMs = 0;
  #closed = false;
  #hasWarned = false;

  constructor({ limits = [], retry, sharePool }: LimitServices, now: () => number) {
    const read = readLimits(limits);
    const limiter = new RateLimiter(read);
    this.#limiter = limiter;
    if (sharePool !== undefined && read.length > 0)
      this.#shared = new SharedLimits(sharePool, {
        limits: read,
        limiter,
        now,
        changed: () => {
          this.#tellClosed();
          this.#pump();
        },
      });
    this.#budget = new RetryBudget(budgetOf(retry));
    this.#now = now;
  }

  connect(wire: LimitWire): void {
    this.#wires.add(wire);
    const { closedUntilMs } = this.#limiter;
    const clockMs = this.#now();
    // A worker that has no limits waits for this word.
    wire.send(null, { clockMs, ...(closedUntilMs > clockMs && { closedUntilMs }) });
  }

  /** The workers behind this wire have ended. */
  disconnect(wire: LimitWire): void {
    this.#wires.delete(wire);
    this.#drop(({ wire: own }) => own === wire);
    const ended = [...this.#workers].flatMap(([worker, own]) => (own === wire ? [worker] : []));
    this.#lose(ended);
  }

  receive(wire: LimitWire, worker: string, request: LimitRequest): void {
    if (this.#closed) return;
    const { clockMs, wants = [], advance = 0, used = [], unused = [], answers = [] } = request;
    const { done = [], begun = 0, retries = [] } = request;
    const nowMs = this.#now();
    if (request.ended === true) {
      this.#drop((asker) => asker.worker === worker);
      this.#lose([worker]);
      return;
    }
    this.#workers.set(worker, wire);
    // A message that took its time makes a use seem later than it was, which is safe.
    const offsetMs = wire.sharesClock ? 0 : nowMs - clockMs;
    for (const { id, atMs } of used) this.#limiter.used(id, Math.min(nowMs, atMs + offsetMs));
    for (const id of unused) this.#limiter.returned(id);
    for (const { id, tookMs } of done) this.#limiter.answered(id, { tokens: null, tookMs }, nowMs);
    for (const { id, tookMs, tokens, isRefused, pauseMs, budgets } of answers) {
      if (isRefused) this.#limiter.refused(id, pauseMs, nowMs);
      else if (id !== null) this.#limiter.answered(id, { tokens, tookMs }, nowMs);
      for (const budget of budgets) this.#limiter.observed(budget, nowMs);
    }
    if (this.#tellClosed()) this.#shared?.syncSoon();
    this.#budget.begin(begun);
    const allowed = retries.filter(() => this.#budget.take());
    if (allowed.length < retries.length) this.#warnOfBudget();
    if (retries.length > 0) wire.send(worker, { clockMs: nowMs, retries: { asked: retries, allowed } });
    const asker: Asker = { wire, worker, sentMs: clockMs, receivedMs: nowMs };
    for (const want of wants) this.#waiting.push({ ...want, ...asker });
    this.#pump(advance > 0 ? { advance, ...asker } : null);
  }

  close(): void {
    this.#closed = true;
    void this.#shared?.close();
    this.#waiting.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** These workers have ended. Their slots are free again when their last words have come. */
  #lose(ended: readonly string[]): void {
    if (ended.length === 0) return;
    setTimeout(() => {
      for (const worker of ended) {
        this.#workers.delete(worker);
        this.#limiter.lost(worker, this.#now());
      }
      this.#pump();
    }, lastWordsMs).unref();
  }

  #warnOfBudget(): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(
      `documents that may be tried again were not: retries are limited to ${100 * this.#budget.share} % of ` +
        'the documents (retry.budget), because a service that fails all of them must not get more requests ' +
        '(reported once per session)',
    );
  }

  /** Tells all workers when the service is closed for longer than they know. Returns whether it is. */
  #tellClosed(): boolean {
    const { closedUntilMs } = this.#limiter;
    if (closedUntilMs <= this.#toldUntilMs) return false;
    this.#toldUntilMs = closedUntilMs;
    for (const wire of this.#wires) wire.send(null, { clockMs: this.#now(), closedUntilMs });
    return true;
  }

  #drop(isMeant: (asker: Asker) => boolean): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--)
      if (isMeant(this.#waiting[i] as Want & Asker)) this.#waiting.splice(i, 1);
  }

  /**
   * Gives slots to all that may have one soon, and looks again when the next one may.
   * @param more a worker that would like slots in advance: it gets some when no task waits
   */
  #pump(more: (Asker & { readonly advance: number }) | null = null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const nowMs = this.#now();
    this.#shared?.check(nowMs);
    if (nowMs >= this.#sweptMs + sweepMs) {
      this.#limiter.expire(nowMs);
      this.#sweptMs = nowMs;
    }
    const outgoing = new Map<string, { readonly wire: LimitWire; readonly given: Given[] }>();
    const give = ({ wire, worker, sentMs, receivedMs }: Asker, slot: Slot, want: number | null): void => {
      const { id, atMs, isProbe } = slot;
      const { given } = outgoing.get(worker) ?? { given: [] as Given[] };
      given.push({ id, atMs, isProbe, want, untilMs: sentMs + slot.untilMs - receivedMs });
      outgoing.set(worker, { wire, given });
    };
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting[0] as Want & Asker;
      const slot = this.#limiter.take(waiting.worker, waiting, nowMs);
      if ('againMs' in slot) {
        const inMs = Math.min(Math.max(1, slot.againMs - nowMs), sweepMs);
        this.#timer = setTimeout(() => this.#pump(), inMs);
        this.#shared?.short();
        break;
      }
      this.#waiting.shift();
      give(waiting, slot, waiting.want);
    }
    if (more !== null && this.#waiting.length === 0)
      for (let i = 0; i < more.advance; i++) {
        const slot = this.#limiter.take(more.worker, { tokens: 0 }, nowMs, true);
        if ('againMs' in slot) break;
        give(more, slot, null);
      }
    for (const [worker, { wire, given }] of outgoing) wire.send(worker, { clockMs: nowMs, given });
  }
}
