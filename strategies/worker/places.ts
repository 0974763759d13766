import { setImmediate } from 'node:timers';
import { now } from './clock.js';

/**
 * A worker that begins tasks lets its event loop run this often, ms, for callbacks that other tasks wait for.
 */
const turnMs = 1;
/**
 * The rest of a turn of the event loop is long when it takes at least this long for each task that ends in
 * it, ms: a message takes a fifth of that.
 */
const longMs = 0.1;
/** A turn is late when it has not ended for this long, ms. */
const lateMs = 50;

/**
 * The places in which tasks of one worker run beside each other.
 *
 * A place is filled again in the moment in which its task ends. At the end of the turn of the event loop it
 * would be too late: several tasks often end in one turn, and when their callbacks compute, all places would
 * be empty until the last of them has computed, and then all tasks would wait together.
 *
 * The event loop must run nevertheless. When tasks are begun for long, or when timers that compute keep the
 * loop from all else as long as one is due after another, then only one of two places is filled again until
 * the turn ends.
 */
export class Places {
  readonly #count: () => number;
  readonly #onTurnEnd: () => void;
  /** Tasks that run beside each other. */
  pending = 0;
  /** Continues what waits for a change. */
  #resume: (() => void) | null = null;
  /** Tasks have begun since this time without a callback of the event loop in between. */
  #beginsMs = 0;
  /** True while the end of this turn is waited for, since `#sinceMs`. */
  #isTurnOpen = false;
  #sinceMs = 0;
  /** Counts the tasks that have ended in this turn. */
  #ended = 0;
  /** The rest of a turn has taken this long per task, ms: a running mean. */
  #restMs = 0;

  /**
   * @param count tells how many tasks may run beside each other
   * @param onTurnEnd called at the end of a turn in which a task has ended
   */
  constructor(count: () => number, onTurnEnd: () => void = () => {}) {
    this.#count = count;
    this.#onTurnEnd = onTurnEnd;
  }

  /** Resolves when another task may begin beside the pending ones. */
  async next(): Promise<void> {
    while (this.pending >= this.#count()) await this.change();
    const atMs = now();
    const isLate = this.#isTurnOpen && atMs - this.#sinceMs >= lateMs;
    if (atMs - this.#beginsMs < turnMs && !isLate) return;
    this.#openTurn(atMs);
    await this.change();
  }

  /** Notes that a pending task has ended. Returns whether the rest of this turn is long. */
  ended({ startedMs, taskMs }: { readonly startedMs: number; readonly taskMs: number }): boolean {
    const atMs = startedMs + taskMs;
    if (startedMs < this.#beginsMs) this.#beginsMs = atMs; // it has waited, so this is in another callback
    this.#openTurn(atMs);
    this.#ended++;
    return this.#restMs >= longMs || atMs - this.#sinceMs >= longMs * this.#ended;
  }

  /** Notes that the event loop has run. */
  turned(atMs: number): void {
    this.#beginsMs = atMs;
  }

  /** The next call of `wake` resolves the promise. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  wake(): void {
    this.#resume?.();
    this.#resume = null;
  }

  #openTurn(atMs: number): void {
    if (this.#isTurnOpen) return;
    this.#isTurnOpen = true;
    this.#sinceMs = atMs;
    this.#ended = 0;
    setImmediate(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    const atMs = now();
    this.#isTurnOpen = false;
    this.#beginsMs = atMs;
    if (this.#ended > 0) this.#restMs = (this.#restMs + (atMs - this.#sinceMs) / this.#ended) / 2;
    this.#onTurnEnd();
    this.wake();
  };
}
