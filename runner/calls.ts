import type { Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import type { Document } from '../workloads/workload.js';
import { CancellableCall } from './cancellable-call.js';
import { Fifo } from './fifo.js';
import type { InProgress } from './in-progress.js';
import { type Call, type Input, type InputDocument, sessionDocument } from './pending.js';

/**
 * The documents of all calls of `run`, first in, first out. Their number is not limited: the callers bound
 * it.
 */
export class Calls implements Input {
  readonly #inProgress: InProgress;
  readonly #waiting = new Fifo<Call>();
  /** Calls in `#waiting` that were cancelled: `next` leaves them out. */
  #cancelled = 0;

  constructor(inProgress: InProgress) {
    this.#inProgress = inProgress;
  }

  get queued(): number {
    return this.#waiting.length - this.#cancelled;
  }

  add(document: InputDocument): Promise<Outcome> {
    return new Promise((settle, lose) => this.#waiting.push({ document, acceptedMs: now(), settle, lose }));
  }

  addCancellable(call: CancellableCall): void {
    this.#waiting.push(call);
  }

  /** A call that `next` has not given was cancelled. */
  cancel(): void {
    this.#cancelled++;
    // Cancelled documents keep their bytes here until they are left out.
    if (this.#cancelled <= this.#waiting.length / 2) return;
    for (const call of this.#waiting.empty()) if (!isCancelled(call)) this.#waiting.push(call);
    this.#cancelled = 0;
  }

  next(index: number): Document | null {
    let call = this.#waiting.shift();
    while (this.#cancelled > 0 && call !== null && isCancelled(call)) {
      this.#cancelled--;
      call = this.#waiting.shift();
    }
    if (call === null) return null;
    if (call instanceof CancellableCall) call.sessionIndex = index;
    const document = sessionDocument(index, call.document);
    this.#inProgress.add(index, call, 0, document.size, now() - call.acceptedMs);
    return document;
  }

  /** Does nothing: a call is one document, so nothing is cut short. */
  stop(): void {}

  fail(cause: unknown): void {
    this.#cancelled = 0;
    for (const call of this.#waiting.empty()) call.lose(cause);
  }
}

function isCancelled(call: Call): boolean {
  return call instanceof CancellableCall && call.isCancelled;
}
