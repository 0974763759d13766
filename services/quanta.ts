import type { Limit, Slot } from './limits.js';
import { Pace } from './pace.js';

/**
 * A service may enforce 600 requests a minute as ten a second. So a long window begins at its even pace, and
 * only one request at a time is ahead of that. When the service has accepted clearly more in a second, and in
 * ten seconds, than an even pace gives, nothing holds the window back. When it refuses instead, the shorter
 * window is the limit from then on. A second refusal makes the pace even for good.
 */
export class Quanta {
  #limit: Limit;
  readonly #even: Pace;
  /** The shorter windows that the service may enforce, and what it has accepted in each. */
  #open: { readonly perMs: number; readonly enough: number }[];
  readonly #accepted: number[] = [];
  #probe: number | null = null;
  #refusals = 0;

  constructor(limit: Limit) {
    const { max, perMs } = limit;
    this.#limit = limit;
    this.#even = new Pace(perMs / max);
    this.#open = quantaOf(limit);
  }

  /** The limit is another one; what was learned about the service remains. */
  resize(max: number): void {
    this.#limit = { ...this.#limit, max };
    const { perMs } = this.#limit;
    this.#even.resize(perMs / max);
    const known = quantaOf(this.#limit);
    this.#open = this.#open.flatMap((open) => known.filter((quantum) => quantum.perMs === open.perMs));
  }

  /**
   * The limit that holds beside the long one because the service has refused requests; null while it has not.
   */
  get enforced(): Limit | null {
    const { of, max, perMs } = this.#limit;
    const [shortest] = this.#open;
    if (this.#refusals === 0 || shortest === undefined) return null;
    if (this.#refusals > 1) return { of, max: 1, perMs: perMs / max };
    return { of, max: Math.floor((max * shortest.perMs) / perMs), perMs: shortest.perMs };
  }

  /** Returns when a slot may be used, and whether it is ahead of the even pace then. */
  freeAt(nowMs: number): { readonly atMs: number; readonly isProbe: boolean } {
    if (this.#open.length === 0 || this.#refusals > 0) return { atMs: nowMs, isProbe: false };
    const evenMs = this.#even.freeAt(nowMs);
    if (evenMs <= nowMs) return { atMs: nowMs, isProbe: true };
    return this.#probe === null ? { atMs: nowMs, isProbe: true } : { atMs: evenMs, isProbe: true };
  }

  take({ id, atMs, isProbe }: Slot): void {
    if (!isProbe || this.#refusals > 0) return;
    if (this.#even.freeAt(atMs) <= atMs) this.#even.take(1, atMs);
    else this.#probe = id;
  }

  /** @param acceptedMs when the service's answer came; null where the slot was not used */
  settle({ id }: Slot, acceptedMs: number | null): void {
    if (this.#probe === id) this.#probe = null;
    if (acceptedMs === null || this.#open.length === 0) return;
    this.#accepted.push(acceptedMs);
    while ((this.#accepted[0] as number) < acceptedMs - 10_000) this.#accepted.shift();
    this.#open = this.#open.filter(({ perMs, enough }) => {
      const recent = this.#accepted.length - this.#accepted.findIndex((ms) => ms >= acceptedMs - perMs);
      return recent < enough;
    });
  }

  /** @param isNews false for a refusal that came together with another one */
  refused(slot: Slot | null, isNews: boolean): void {
    if (slot !== null && this.#probe === slot.id) this.#probe = null;
    if (isNews) this.#refusals++;
  }
}

/** The shorter windows that a service may enforce in place of this limit. */
function quantaOf({ max, perMs }: Limit): { readonly perMs: number; readonly enough: number }[] {
  return [1000, 10_000]
    .filter((quantum) => quantum < perMs / 2 && (max * quantum) / perMs >= 1)
    .map((quantum) => ({ perMs: quantum, enough: Math.ceil((1.5 * max * quantum) / perMs) + 2 }));
}
