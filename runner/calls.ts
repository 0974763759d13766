import type { Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import { CancellableCall } from './cancellable-call.js';
import { Fifo } from './fifo.js';
import type { Input, InputDocument, PendingDocument } from './pending.js';

/**
 * The documents of all calls of `run`, first in, first out. Their number is not limited: the callers bound
 * it.
 */
export class Calls implements Input {
  readonly #waiting = new Fifo<PendingDocument>();
  /** Documents in `#waiting` that were cancelled: `next` leaves them out. */
  #cancelled = 0;

  get queued(): number {
    return this.#waiting.length - this.#cancelled;
  }

  add({ id, bytes }: InputDocument): Promise<Outcome> {
    return new Promise((settle, fail) =>
      this.#waiting.push({
        index: 0,
        id,
        bytes,
        acceptedMs: now(),
        waitedMs: 0,
        sessionIndex: null,
        settle,
        fail,
      }),
    );
  }

  addCancellable(call: CancellableCall): void {
    this.#waiting.push(call);
  }

  /** A call that `next` has not given was cancelled. */
  cancel(): void {
    this.#cancelled++;
    // Cancelled documents keep their bytes here until they are left out.
    if (this.#cancelled <= this.#waiting.length / 2) return;
    for (const document of this.#waiting.empty()) if (!isCancelled(document)) this.#waiting.push(document);
    this.#cancelled = 0;
  }

  next(): PendingDocument | null {
    for (;;) {
      const document = this.#waiting.shift();
      if (this.#cancelled === 0 || document === null || !isCancelled(document)) return document;
      this.#cancelled--;
    }
  }

  /** Does nothing: a call is one document, so nothing is cut short. */
  stop(): void {}

  fail(cause: unknown): void {
    this.#cancelled = 0;
    for (const document of this.#waiting.empty()) document.fail(cause);
  }
}

function isCancelled(document: PendingDocument): boolean {
  return document instanceof CancellableCall && document.isCancelled;
}
