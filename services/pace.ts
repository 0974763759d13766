/**
 * Spreads requests evenly. A service that gets a second's requests at once answers the last of them late, and
 * the next second's requests overtake them: its own window then has more than it allows.
 */
export class Pace {
  /** Units follow each other at this distance, ms. */
  #everyMs: number;
  /** The next unit is due at this time. */
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  resize(everyMs: number): void {
    this.#everyMs = everyMs;
  }

  /** Returns when the next units may go. */
  freeAt(nowMs: number): number {
    return Math.max(nowMs, this.#dueMs - toleranceMs);
  }

  take(units: number, atMs: number): void {
    this.#dueMs = Math.max(this.#dueMs, atMs) + units * this.#everyMs;
  }
}

/** Timers are this inexact, and units that are closer together than this go together, ms. */
const toleranceMs = 2;
