import { setImmediate } from 'node:timers';
import { now } from '../worker/clock.js';

/**
 * The rest of a turn of the event loop is long when it takes at least this long for each task that ends in
 * it, ms: a message takes a fifth of that.
 */
const longMs = 0.1;
/** A turn is late when it has not ended for this long, ms. */
const lateMs = 50;

/**
 * The end of the turn of the event loop in which tasks end. Several tasks often end in one turn. When nothing
 * but these ends is left of it, what is done for them can be done once, at the end of the turn. When their
 * callbacks compute, the end of the turn is far away.
 */
export class TurnEnd {
  readonly #onEnd: (atMs: number) => void;
  #isComing = false;
  #sinceMs = 0;
  #tasks = 0;
  /** What the rest of a turn has taken per task, ms: a running mean. */
  #eachMs = 0;

  constructor(onEnd: (atMs: number) => void) {
    this.#onEnd = onEnd;
  }

  /** A task has ended at this time. Returns whether the rest of the turn is long. */
  ended(atMs: number): boolean {
    this.expect(atMs);
    this.#tasks++;
    return this.#eachMs >= longMs || atMs - this.#sinceMs >= longMs * this.#tasks;
  }

  /** The end of this turn is noticed, too, where no task ends in it. */
  expect(atMs: number): void {
    if (this.#isComing) return;
    this.#isComing = true;
    this.#sinceMs = atMs;
    this.#tasks = 0;
    setImmediate(this.#end);
  }

  /**
   * Tells whether the turn does not end. Timers that compute keep the event loop from all else as long as one
   * is due when another one has been called.
   */
  isLate(nowMs: number): boolean {
    return this.#isComing && nowMs - this.#sinceMs >= lateMs;
  }

  readonly #end = (): void => {
    this.#isComing = false;
    const atMs = now();
    if (this.#tasks > 0) this.#eachMs = (this.#eachMs + (atMs - this.#sinceMs) / this.#tasks) / 2;
    this.#onEnd(atMs);
  };
}
