import type { Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import { Fifo } from './fifo.js';
import type { Input, InputDocument, PendingDocument } from './pending.js';

/**
 * The documents of all calls of `run`, first in, first out. Their number is not limited: the callers bound
 * it.
 */
export class Calls implements Input {
  readonly #waiting = new Fifo<PendingDocument>();

  get queued(): number {
    return this.#waiting.length;
  }

  add({ id, bytes }: InputDocument): Promise<Outcome> {
    return new Promise((settle, fail) =>
      this.#waiting.push({ index: 0, id, bytes, acceptedMs: now(), waitedMs: 0, settle, fail }),
    );
  }

  next(): PendingDocument | null {
    return this.#waiting.shift();
  }

  /** Does nothing: a call is one document, so nothing is cut short. */
  stop(): void {}

  fail(cause: unknown): void {
    for (const document of this.#waiting.empty()) document.fail(cause);
  }
}
