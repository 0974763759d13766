import { now } from '../worker/clock.js';

/**
 * After this time the event loop gets a turn, ms: a source and a task that never wait would otherwise block
 * it.
 */
const maxMsWithoutTurn = 4;
/** The clock is read for one document of this number, as long as documents follow each other fast. */
const fastDocuments = 8;
/** Documents follow each other fast when this number of them takes less than this time, ms. */
const fastMs = 0.4;

/** Says when a source that never waits should let the event loop have a turn. */
export class Turns {
  #turnMs = now();
  #readMs = this.#turnMs;
  /** Documents that are given before the clock is read again. */
  #unread = 0;

  /** Asked once per document: is a turn overdue? */
  isOverdue(): boolean {
    if (this.#unread > 0) {
      this.#unread--;
      return false;
    }
    const readMs = now();
    const isFast = readMs - this.#readMs < fastMs;
    this.#readMs = readMs;
    const isOverdue = readMs - this.#turnMs > maxMsWithoutTurn;
    this.#unread = isFast && !isOverdue ? fastDocuments - 1 : 0;
    return isOverdue;
  }

  /** The event loop has had a turn. */
  took(): void {
    this.#turnMs = now();
  }
}
