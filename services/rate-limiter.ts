import { AnswerTimes, Patience } from './answer-times.js';
import { LimitWindow } from './limit-window.js';
import type { Budget, Cost, Limit, Slot } from './limits.js';
import { Pace } from './pace.js';
import { Quanta } from './quanta.js';

/**
 * Decides when slots of a limited service may be used. It has no clock and no timers: callers bring the time,
 * on one monotonic clock, ms.
 *
 * A limit holds for arrivals at the service, and arrivals are not seen here. A slot is taken for a holder,
 * which is a worker, and may be used from `atMs` to `untilMs`. The worker says when it used the slot and when
 * the answer had come; the request has arrived between. So each slot is held until its answer, and then
 * counts until the latest time at which its request can have arrived, and one window more. The slots that are
 * taken at one time are never more than the limit.
 *
 * No window at the service then has more arrivals than the limit, however long requests are on their way.
 * Take any two requests that arrive within one window: each has its slot when the other one arrives or
 * earlier, and keeps it until a window after its own arrival, so their slots are taken at one common time.
 * Intervals of which any two overlap have a time that is common to all (Helly). So all requests of the window
 * have their slots at one time, and these are at most the limit.
 *
 * Two things are estimated. The service is assumed to need half of its quickest answer for every answer, so a
 * request arrived that much before its own. And where answers usually take more than a tenth of a window,
 * slots that are held until their answers would waste much of the limit. There, a request is assumed to have
 * arrived within `usualJitterMs` of the quickest ones.
 *
 * A slot of which nothing was heard counts as used at its last moment, and a later word corrects that.
 */

interface Held extends Slot {
  readonly holder: string;
  readonly isAdvance: boolean;
  /** One of the first of its holder, which may take long to arrive. */
  readonly isCold: boolean;
  tokens: number;
  usedMs: number | null;
  /** Per window: from when on the slot counts for one window more; null while it is held. */
  readonly countedMs: (number | null)[];
  /** Per window: the slot has been late this often. */
  readonly lates: number[];
}

interface Counted {
  readonly of: Limit['of'];
  readonly window: LimitWindow;
  readonly patience: Patience;
  readonly pace: Pace | null;
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
const lifeMs = 100;

/** Where answers are slow, requests are assumed to need at most this time more than the quickest ones, ms. */
const usualJitterMs = 30;
/** A worker that sends its first requests loads code and opens connections. */
const coldSlots = 8;
/** That takes at most this time where answers are slow, ms. */
const coldMs = 1000;

export class RateLimiter {
  /** The limits, and behind them what the services of long ones enforce in shorter windows. */
  readonly #windows: Counted[];
  /** The number of limits. */
  readonly #limits: number;
  readonly #times = new AnswerTimes();
  /** Per long limit of requests: its place, and what is known of how the service enforces it. */
  readonly #quanta: readonly { readonly of: number; readonly quanta: Quanta }[];
  readonly #held = new Map<number, Held>();
  /** The number of slots that each holder has had, up to `coldSlots`. */
  readonly #slotsOf = new Map<string, number>();
  #lastId = 0;
  /** No slot may be used before this time, because the service has said so. */
  #closedUntilMs = Number.NEGATIVE_INFINITY;
  /** The budgets that the service reports are enough from this time on. */
  #budgetMs = Number.NEGATIVE_INFINITY;

  constructor(limits: readonly Limit[]) {
    this.#limits = limits.length;
    this.#quanta = limits.flatMap((limit, i) =>
      limit.of === 'requests' && limit.perMs > maxPacedMs ? [{ of: i, quanta: new Quanta(limit) }] : [],
    );
    this.#windows = [...limits, ...this.#quanta.map(() => unlimited)].map(counted);
  }

  /** True where slots have a cost that only the task knows. */
  get countsTokens(): boolean {
    return this.#windows.some(({ of }) => of === 'tokens');
  }

  /** The service accepts nothing until this time. */
  get closedUntilMs(): number {
    return this.#closedUntilMs;
  }

  /** Per limit: the units that this limiter may use. */
  get shares(): number[] {
    return this.#windows.slice(0, this.#limits).map(({ window }) => window.max);
  }

  /**
   * Other callers use the rest of each limit: see `shared-limits.ts`.
   * @param parts the units that the limiter will have; requests are as close to each other as they allow
   */
  share(units: readonly number[], parts: readonly number[] = units): void {
    for (const [i, max] of units.entries()) {
      const { window, pace } = this.#windows[i] as Counted;
      const before = window.max;
      window.max = max;
      const part = Math.max(max, parts[i] as number);
      if (part > 0) pace?.resize((catchUp * window.perMs) / part);
      if (max === before || max === 0) continue;
      this.#quanta.find(({ of }) => of === i)?.quanta.resize(max);
    }
    this.#enforce();
  }

  /** Per limit: the units that are held or count. */
  taken(nowMs: number): number[] {
    return this.#windows.slice(0, this.#limits).map(({ window }) => window.taken(nowMs));
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
      atMs = Math.max(atMs, window.freeAt(unitsOf({ tokens }, of), nowMs));
      if (pace !== null) atMs = Math.max(atMs, pace.freeAt(nowMs));
    }
    let isProbe = false;
    let isHeldBack = false;
    for (const { quanta } of this.#quanta) {
      const found = quanta.freeAt(atMs);
      isHeldBack ||= found.atMs > atMs;
      atMs = Math.max(atMs, found.atMs);
      isProbe ||= found.isProbe;
    }
    // A slot of an even pace, given ahead, would keep the requests waiting that may go before it.
    const mayBeAheadMs = isHeldBack ? 0 : aheadMs;
    if (atMs > nowMs + mayBeAheadMs) return { againMs: atMs - mayBeAheadMs };
    const slots = this.#slotsOf.get(holder) ?? 0;
    const isCold = slots < coldSlots && this.#windows.length > 0;
    if (isCold) this.#slotsOf.set(holder, slots + 1);
    const slot: Held = {
      id: ++this.#lastId,
      atMs,
      untilMs: atMs + lifeMs,
      isProbe,
      isCold,
      isAdvance,
      holder,
      tokens,
      usedMs: null,
      countedMs: this.#windows.map(() => null),
      lates: this.#windows.map(() => 0),
    };
    this.#held.set(slot.id, slot);
    for (const { of, window, pace } of this.#windows) {
      const units = unitsOf(slot, of);
      window.hold(units);
      pace?.take(units, atMs);
    }
    for (const { quanta } of this.#quanta) quanta.take(slot);
    return slot;
  }

  /** The slot was used at this time. */
  used(id: number, usedMs: number): void {
    const slot = this.#held.get(id);
    if (slot === undefined) return;
    slot.usedMs = usedMs;
    for (const [i, { patience }] of this.#windows.entries())
      this.#count(slot, i, patience.isSlow ? this.#guess(slot, i) : null);
  }

  /** The slot was not used, and will not be. */
  returned(id: number): void {
    const slot = this.#held.get(id);
    if (slot === undefined) return;
    this.#held.delete(id);
    for (const [i, { of, window }] of this.#windows.entries()) {
      this.#count(slot, i, null);
      window.unhold(unitsOf(slot, of));
    }
    for (const { quanta } of this.#quanta) quanta.settle(slot, null);
  }

  /**
   * The service has answered, or the request has ended without an answer.
   * @param tokens what the request really had; null where that is unknown
   * @param tookMs the time from the use of the slot; null where it is unknown
   */
  answered(id: number, { tokens, tookMs }: Answer, nowMs: number): void {
    const slot = this.#held.get(id);
    if (slot === undefined) return;
    this.#settle(slot, { tokens, tookMs }, nowMs);
    for (const { quanta } of this.#quanta) quanta.settle(slot, nowMs);
  }

  /**
   * The service has refused a request although the limits were kept.
   * @param pauseMs the service asks to wait for this time; null where it does not say
   */
  refused(id: number | null, pauseMs: number | null, nowMs: number): void {
    const slot = id === null ? undefined : this.#held.get(id);
    if (slot !== undefined) this.#settle(slot, { tokens: null, tookMs: null }, nowMs);
    // Requests that were on their way together are refused together: they say one thing.
    const isNews = nowMs >= this.#closedUntilMs;
    this.closeUntil(nowMs + (pauseMs ?? usualPauseMs));
    for (const { quanta } of this.#quanta) quanta.refused(slot ?? null, isNews);
    if (!isNews) return;
    for (const { patience } of this.#windows) patience.allowMoreJitter();
    this.#enforce();
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
    for (const slot of this.#held.values()) if (slot.usedMs === null) underway += unitsOf(slot, of);
    const missing = underway + 1 - remaining;
    if (missing <= 0 || max <= remaining) return;
    this.#budgetMs = Math.max(
      this.#budgetMs,
      nowMs + Math.min(resetMs, (missing * resetMs) / (max - remaining)),
    );
  }

  /**
   * The holder has ended, and its requests have arrived. What it has used it has said before, except for
   * slots that it had in advance: it may have used them until now.
   */
  lost(holder: string, nowMs: number): void {
    this.#slotsOf.delete(holder);
    for (const slot of [...this.#held.values()]) {
      if (slot.holder !== holder) continue;
      if (slot.usedMs !== null || slot.isAdvance) this.answered(slot.id, unknown, nowMs);
      else this.returned(slot.id);
    }
  }

  /** Is called now and then: some slots count although nothing was heard of them. */
  expire(nowMs: number): void {
    for (const slot of this.#held.values()) {
      const { usedMs } = slot;
      for (const [i, { patience }] of this.#windows.entries()) {
        if (usedMs !== null)
          this.#judge(slot, i, nowMs - usedMs - (slot.isCold ? coldMs : this.#times.surelyMs));
        if (slot.countedMs[i] !== null) continue;
        const isUnheard = usedMs === null && slot.untilMs + lateMs <= nowMs;
        if (isUnheard || (usedMs !== null && patience.isSlow)) this.#count(slot, i, this.#guess(slot, i));
      }
      if ((usedMs ?? slot.untilMs) + forgetMs <= nowMs) this.answered(slot.id, unknown, nowMs);
    }
  }

  #settle(slot: Held, { tokens, tookMs }: Answer, nowMs: number): void {
    this.#held.delete(slot.id);
    const { usedMs } = slot;
    const endMs = usedMs === null || tookMs === null ? nowMs : Math.min(nowMs, usedMs + tookMs);
    if (usedMs !== null && tookMs !== null) this.#times.see(tookMs, nowMs);
    const latestMs = Math.max(usedMs ?? endMs, endMs - this.#times.surelyMs);
    for (const [i, { of, window, patience }] of this.#windows.entries()) {
      if (usedMs !== null && !slot.isCold) {
        this.#judge(slot, i, latestMs - usedMs);
        if (slot.lates[i] === 0) patience.see(false);
      }
      const countedMs = patience.isSlow ? Math.min(latestMs, this.#guess(slot, i)) : latestMs;
      this.#count(slot, i, countedMs);
      if (of === 'tokens' && tokens !== null) window.count(tokens - slot.tokens, countedMs);
    }
  }

  /** Keeps the shorter windows that services enforce. */
  #enforce(): void {
    for (const [at, { quanta }] of this.#quanta.entries()) {
      const i = this.#limits + at;
      const { window } = this.#windows[i] as Counted;
      const limit = quanta.enforced ?? unlimited;
      if (window.max === limit.max && window.perMs === limit.perMs) continue;
      const next = counted(limit);
      this.#windows[i] = next;
      for (const slot of this.#held.values()) {
        const countedMs = slot.countedMs[i] ?? null;
        if (countedMs === null) next.window.hold(1);
        else next.window.count(1, countedMs);
      }
    }
  }

  /** @param ms the slot is or was held for this long */
  #judge(slot: Held, i: number, ms: number): void {
    const { patience } = this.#windows[i] as Counted;
    const lates = patience.lates(ms);
    for (let seen = slot.lates[i] as number; seen < lates; seen++) patience.see(true);
    slot.lates[i] = Math.max(slot.lates[i] as number, lates);
  }

  /** When a request has probably arrived at the latest, ms, while its answer is unknown. */
  #guess({ usedMs, untilMs, isCold }: Held, i: number): number {
    const { patience, window } = this.#windows[i] as Counted;
    const jitterMs = isCold ? coldMs : patience.jitterMs;
    return (usedMs ?? untilMs) + Math.min(jitterMs + patience.slackMs, window.perMs);
  }

  /** The slot's units count from this time on; null: they are held. */
  #count(slot: Held, i: number, countedMs: number | null): void {
    const { of, window } = this.#windows[i] as Counted;
    const units = unitsOf(slot, of);
    const before = slot.countedMs[i] ?? null;
    if (before === null) window.unhold(units);
    else window.count(-units, before);
    if (countedMs === null) window.hold(units);
    else window.count(units, countedMs);
    slot.countedMs[i] = countedMs;
  }
}

/** A limit that holds nothing back. */
const unlimited: Limit = { of: 'requests', max: Number.POSITIVE_INFINITY, perMs: 1000 };

function counted({ of, max, perMs }: Limit): Counted {
  return {
    of,
    window: new LimitWindow(max, perMs),
    // Long windows can afford more, and what arrives late there came in a crowd.
    patience: new Patience(max, perMs, perMs > maxPacedMs ? perMs / 200 : usualJitterMs),
    pace: perMs <= maxPacedMs && max < Number.POSITIVE_INFINITY ? new Pace((catchUp * perMs) / max) : null,
  };
}

interface Answer {
  readonly tokens: number | null;
  readonly tookMs: number | null;
}

const unknown: Answer = { tokens: null, tookMs: null };

function unitsOf({ tokens }: Cost, of: Limit['of']): number {
  return of === 'tokens' ? tokens : 1;
}

/** A word about a slot may come this much later than the slot's end, ms. */
const lateMs = 200;
/** An answer that was not heard of for this time is not waited for, ms. */
const forgetMs = 120_000;
