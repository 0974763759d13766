import { clearTimeout, setTimeout } from 'node:timers';
import type { Limit } from './limits.js';
import type { RateLimiter } from './rate-limiter.js';

/**
 * Several callers may share limits. Each one has a share of every limit, which is a number of units, and
 * keeps it by itself as if it were the whole limit. All shares together are at most the limit, so no window
 * at the service has more, and no call waits for another machine.
 *
 * A caller says now and then what it needs, and gets what is free. It is asked to give units back where
 * another caller has less than its part, and gives them back when it does not use them any more: its own
 * window has then moved on. A caller of which nothing is heard loses its share, which is free for others one
 * window later. Before that, it stops by itself: it knows when it was last answered.
 */

/** Shares are kept here, where all callers have access. */
export interface SharePool {
  /** Reports this caller's state, and returns what it has from now on. */
  sync(report: ShareReport): Promise<ShareAnswer>;
  /** The caller has ended: its units are free a window from now on. */
  leave(taken: readonly number[]): Promise<void>;
  /** A share is this caller's for this time after each report, ms. */
  readonly keepsMs: number;
}

export interface ShareReport {
  readonly limits: readonly (Limit & {
    /** The caller keeps this much of its share. */
    readonly units: number;
    /** It would use this much. */
    readonly need: number;
  })[];
  /** The service accepts nothing for this time, ms; 0 or less: it is open. */
  readonly closedMs: number;
}

export interface ShareAnswer {
  readonly closedMs: number;
  readonly shares: readonly LimitShare[];
}

/** What a caller has of one limit, in units. */
export interface LimitShare {
  readonly units: number;
  /** It should give units back until it has this many. */
  readonly keep: number;
  /** It will have this many when the others have given back what is its own. */
  readonly part: number;
}

export interface SharedLimitsOptions {
  readonly limits: readonly Limit[];
  readonly limiter: RateLimiter;
  readonly now: () => number;
  /** The share or the time until which the service is closed has changed. */
  readonly changed: () => void;
}

/** Callers report this often, ms. */
const syncMs = 200;
/** Callers report this often while units of short windows move between them, ms. */
const movingMs = 50;
/** Units of a window move while it passes, so this many reports are enough for them. */
const reportsPerWindow = 20;
/** A caller that cannot report tries again after this time, ms. */
const againMs = 500;
/** A share that is nearly used up should not hold the caller back when it grows. */
const headroom = 1.25;

/** One caller's shares: see above. */
export class SharedLimits {
  readonly #pool: SharePool;
  readonly #options: SharedLimitsOptions;
  /** The pool has this on record. */
  readonly #units: number[];
  /** Tasks have waited for a slot since the last report. */
  #isShort = false;
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #syncing = false;
  #syncAgain = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(pool: SharePool, options: SharedLimitsOptions) {
    this.#pool = pool;
    this.#options = options;
    this.#units = options.limits.map(() => 0);
    options.limiter.share(this.#units);
  }

  /** Is called before slots are taken: an old share is none. */
  check(nowMs: number): void {
    if (nowMs <= this.#validUntilMs || this.#units.every((units) => units === 0)) return;
    this.#units.fill(0);
    this.#options.limiter.share(this.#units);
  }

  /** Tasks wait for slots. */
  short(): void {
    this.#isShort = true;
    if (this.#timer === null) this.syncSoon();
  }

  /** Reports at once, as after a refusal. */
  syncSoon(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#syncing) this.#syncAgain = true;
    else void this.#sync();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { limiter, now } = this.#options;
    limiter.share(this.#units.map(() => 0));
    await this.#pool.leave(limiter.taken(now()));
  }

  async #sync(): Promise<void> {
    if (this.#closed) return;
    this.#syncing = true;
    this.#syncAgain = false;
    const { limits, limiter, now, changed } = this.#options;
    const sentMs = now();
    this.check(sentMs);
    const taken = limiter.taken(sentMs);
    const isShort = this.#isShort;
    this.#isShort = false;
    let answer: ShareAnswer | null = null;
    let nextMs = againMs;
    try {
      answer = await this.#pool.sync({
        closedMs: limiter.closedUntilMs - sentMs,
        limits: limits.map((limit, i) => {
          const used = taken[i] as number;
          const wished = Math.min(limit.max, Math.ceil(headroom * used));
          const units = Math.min(this.#units[i] as number, Math.max(limiter.shares[i] as number, used));
          return { ...limit, units, need: isShort ? limit.max : wished };
        }),
      });
    } catch {
      this.#isShort ||= isShort; // the pool is away; the share ends when it is too old
    }
    this.#syncing = false;
    if (this.#closed) return;
    const nowMs = now();
    const isValid = answer !== null && nowMs < sentMs + this.#pool.keepsMs;
    if (answer !== null && isValid) {
      this.#validUntilMs = sentMs + this.#pool.keepsMs;
      nextMs = nextReportMs(limits, this.#units, answer.shares);
      for (const [i, { units }] of answer.shares.entries()) this.#units[i] = units;
      limiter.share(
        answer.shares.map(({ units, keep }) => Math.min(units, keep)),
        answer.shares.map(({ part }) => part),
      );
      if (answer.closedMs > 0) limiter.closeUntil(sentMs + answer.closedMs);
    }
    this.#timer = setTimeout(() => void this.#sync(), nextMs).unref();
    if (this.#syncAgain) this.syncSoon();
    changed();
  }
}

/**
 * When the next report is due, ms. It is sooner while units move, because they are of no use on their way.
 * @param before per limit: the units that the caller had
 */
export function nextReportMs(
  limits: readonly Limit[],
  before: readonly number[],
  shares: readonly LimitShare[],
): number {
  const moving = limits.filter((_, i) => {
    const { units, keep } = shares[i] as LimitShare;
    return keep < units || units > (before[i] as number);
  });
  const windowMs = Math.min(...moving.map(({ perMs }) => perMs));
  return Math.min(syncMs, Math.max(movingMs, windowMs / reportsPerWindow));
}
