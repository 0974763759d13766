import { LimitWindow } from './limit-window.js';
import type { Budget, Cost, Limit, Slot } from './limits.js';
import { Pace } from './pace.js';
import { Quanta } from './quanta.js';

/**
 * Decides when slots of a limited service may be used. It has no clock and no timers: callers bring the time,
 * on one monotonic clock, ms.
 *
 * A slot is taken for a holder, which is a worker, and may be used from `atMs` to `untilMs`. It counts as
 * used from when it is taken until its holder says what became of it: it was used at a certain time, or not
 * at all. A slot of which nothing was heard counts as used at its last moment, and a later word corrects
 * that.
 */

interface Held extends Slot {
  readonly holder: string;
  readonly isAdvance: boolean;
  /** One of the first of its holder, which may take long to arrive. */
  readonly isCold: boolean;
  tokens: number;
  usedMs: number | null;
}

/** Requests of shorter windows are spread evenly; a longer window may begin with many at once. */
const maxPacedMs = 10_000;
/** A pace slightly above the limit's own lets slots that were delayed catch up. */
const catchUp = 0.9;
/** A refusal that says nothing closes the service for this time, ms. */
export const usualPauseMs = 1000;
/** Slots are given this long before they may be used, so that no message is waited for then, ms. */
export const aheadMs = 100;
/** A slot must be used within this time, ms. */
export const lifeMs = 100;

/** Requests need from 0 to this time from a worker to the service, ms; the first ones of a worker more. */
const usualJitterMs = 30;
/** A worker that sends its first requests loads code and opens connections. */
const coldSlots = 8;

export class RateLimiter {
  readonly #windows: { readonly of: Limit['of']; readonly window: LimitWindow; pace: Pace | null }[];
  readonly #quanta: Quanta[];
  readonly #held = new Map<number, Held>();
  /** How many slots each holder has had, up to `coldSlots`. */
  readonly #slotsOf = new Map<string, number>();
  #lastId = 0;
  /** No slot may be used before this time, because the service has said so. */
  #closedUntilMs = Number.NEGATIVE_INFINITY;
  /** The budgets that the service reports are enough from this time on. */
  #budgetMs = Number.NEGATIVE_INFINITY;

  /** @param jitterMs requests need from 0 to this time from the worker to the service */
  constructor(limits: readonly Limit[], { jitterMs = usualJitterMs }: { readonly jitterMs?: number } = {}) {
    this.#windows = limits.map(({ of, max, perMs }) => ({
      of,
      // Long windows can afford more, and what arrives late there came in a crowd.
      window: new LimitWindow(max, perMs, Math.max(jitterMs, perMs > maxPacedMs ? perMs / 200 : 0)),
      pace: perMs <= maxPacedMs ? new Pace((catchUp * perMs) / max) : null,
    }));
    this.#quanta = limits
      .filter(({ of, perMs }) => of === 'requests' && perMs > maxPacedMs)
      .map((limit) => new Quanta(limit));
  }

  /** True where slots have a cost that only the task knows. */
  get countsTokens(): boolean {
    return this.#windows.some(({ of }) => of === 'tokens');
  }

  /** The service accepts nothing until this time. */
  get closedUntilMs(): number {
    return this.#closedUntilMs;
  }

  /** A request must have at most this many tokens; infinity without a limit. */
  get maxTokens(): number {
    return Math.min(
      Number.POSITIVE_INFINITY,
      ...this.#windows.flatMap(({ of, window }) => (of === 'tokens' ? [window.max] : [])),
    );
  }

  /**
   * Takes a slot that may be used soon, or says when to ask again.
   * @param isAdvance the holder may use it before it says so
   */
  take(
    holder: string,
    { tokens }: Cost,
    nowMs: number,
    isAdvance = false,
  ): Slot | { readonly againMs: number } {
    let atMs = Math.max(nowMs, this.#closedUntilMs, this.#budgetMs);
    for (const { of, window, pace } of this.#windows) {
      atMs = Math.max(atMs, window.freeAt(of === 'tokens' ? tokens : 1, nowMs));
      if (pace !== null) atMs = Math.max(atMs, pace.freeAt(nowMs));
    }
    let isProbe = false;
    for (const quanta of this.#quanta) {
      const found = quanta.freeAt(atMs);
      atMs = Math.max(atMs, found.atMs);
      isProbe ||= found.isProbe;
    }
    if (atMs > nowMs + aheadMs) return { againMs: atMs - aheadMs };
    const slots = this.#slotsOf.get(holder) ?? 0;
    const isCold = slots < coldSlots && this.#windows.length > 0;
    if (isCold) this.#slotsOf.set(holder, slots + 1);
    const slot: Held = {
      id: ++this.#lastId,
      atMs,
      untilMs: atMs + lifeMs,
      isProbe: isProbe || isCold,
      isCold,
      isAdvance,
      holder,
      tokens,
      usedMs: null,
    };
    this.#held.set(slot.id, slot);
    for (const { of, window, pace } of this.#windows) {
      const units = of === 'tokens' ? tokens : 1;
      window.hold(units);
      pace?.take(units, atMs);
    }
    if (isProbe) for (const quanta of this.#quanta) quanta.take(slot);
    else for (const quanta of this.#quanta) quanta.take({ ...slot, isProbe: false });
    return slot;
  }

  /** The slot was used at this time. */
  used(id: number, usedMs: number): void {
    const slot = this.#held.get(id);
    if (slot === undefined) return;
    for (const { of, window } of this.#windows) {
      const units = of === 'tokens' ? slot.tokens : 1;
      if (slot.usedMs === null) window.unhold(units);
      else window.use(-units, slot.usedMs);
      window.use(units, usedMs);
    }
    slot.usedMs = usedMs;
    // Nothing more is to be heard of most slots.
    if (!slot.isProbe && !this.countsTokens) this.#held.delete(id);
  }

  /** The slot was not used, and will not be. */
  returned(id: number): void {
    const slot = this.#held.get(id);
    if (slot === undefined) return;
    this.#held.delete(id);
    for (const { of, window } of this.#windows) {
      const units = of === 'tokens' ? slot.tokens : 1;
      if (slot.usedMs === null) window.unhold(units);
      else window.use(-units, slot.usedMs);
    }
    for (const quanta of this.#quanta) quanta.settle(slot, null);
  }

  /** The service has answered. @param tokens what the request really had; null where that is unknown */
  answered(id: number, tokens: number | null, nowMs: number): void {
    const slot = this.#held.get(id);
    if (slot === undefined) return;
    this.#held.delete(id);
    for (const { of, window } of this.#windows) {
      const units = of === 'tokens' ? slot.tokens : 1;
      if (slot.usedMs === null) {
        window.unhold(units);
        window.use(units, nowMs);
      } else if (slot.isCold) {
        // It has arrived by now; when it did is not known.
        window.use(-units, slot.usedMs);
        window.use(units, nowMs);
      }
      if (of === 'tokens' && tokens !== null)
        window.use(tokens - slot.tokens, slot.isCold ? nowMs : (slot.usedMs ?? nowMs));
    }
    for (const quanta of this.#quanta) quanta.settle(slot, nowMs);
  }

  /**
   * The service has refused a request although the limits were kept.
   * @param pauseMs the service asks to wait for this time; null where it does not say
   */
  refused(id: number | null, pauseMs: number | null, nowMs: number): void {
    const slot = id === null ? undefined : this.#held.get(id);
    this.#held.delete(slot?.id ?? 0);
    for (const { of, window } of this.#windows)
      if (slot !== undefined && slot.usedMs === null) {
        const units = of === 'tokens' ? slot.tokens : 1;
        window.unhold(units);
        window.use(units, nowMs);
      }
    // Requests that were on their way together are refused together: they say one thing.
    const isNews = nowMs >= this.#closedUntilMs;
    this.closeUntil(nowMs + (pauseMs ?? usualPauseMs));
    for (const quanta of this.#quanta) quanta.refused(slot ?? null, isNews, nowMs);
    if (isNews) for (const { window } of this.#windows) window.allowMoreJitter();
  }

  /** No slot may be used before this time. */
  closeUntil(untilMs: number): void {
    this.#closedUntilMs = Math.max(this.#closedUntilMs, untilMs);
  }

  /**
   * The service has said what is left of a limit. Other programs may use the same limit, so this may be less
   * than is counted here. A budget fills up evenly until it is reset.
   */
  observed({ of, max, remaining, resetMs }: Budget, nowMs: number): void {
    let underway = 0;
    for (const slot of this.#held.values())
      if (slot.usedMs === null) underway += of === 'tokens' ? slot.tokens : 1;
    const missing = underway + 1 - remaining;
    if (missing <= 0 || max <= remaining) return;
    this.#budgetMs = Math.max(
      this.#budgetMs,
      nowMs + Math.min(resetMs, (missing * resetMs) / (max - remaining)),
    );
  }

  /**
   * The holder has ended. What it has used it has said before, except for slots that it had in advance: it
   * may have used them until now.
   */
  lost(holder: string, nowMs: number): void {
    this.#slotsOf.delete(holder);
    for (const slot of [...this.#held.values()]) {
      if (slot.holder !== holder) continue;
      if (slot.usedMs !== null) this.answered(slot.id, null, nowMs);
      else if (slot.isAdvance) this.used(slot.id, Math.min(nowMs, slot.untilMs));
      else this.returned(slot.id);
    }
  }

  /** Slots of which nothing was heard in time count as used at their last moment. */
  expire(nowMs: number): void {
    for (const slot of this.#held.values()) {
      if (slot.usedMs === null && slot.untilMs + lateMs <= nowMs) {
        for (const { of, window } of this.#windows) {
          const units = of === 'tokens' ? slot.tokens : 1;
          window.unhold(units);
          window.use(units, slot.untilMs);
        }
        slot.usedMs = slot.untilMs;
      }
      if (slot.usedMs !== null && slot.usedMs + forgetMs <= nowMs) this.answered(slot.id, null, nowMs);
    }
  }
}

/** A word about a slot may come this much later than the slot's end, ms. */
const lateMs = 200;
/** An answer that was not heard of for this time is not waited for, ms. */
const forgetMs = 120_000;
