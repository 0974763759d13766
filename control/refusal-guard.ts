import type { Lowered } from './guards.js';

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
