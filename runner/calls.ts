import { Fifo } from '../strategies/session/fifo.js';
import type { AnyDocument, Delivery, Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import { CallReads } from './call-reads.js';
import { CancellableCall } from './cancellable-call.js';
import type { InProgress } from './in-progress.js';
import { bytesOf, type Call, hasBytes, type Input, type InputDocument, sessionDocument } from './pending.js';

export interface CallsOptions {
  readonly delivery: Delivery;
  readonly inProgress: InProgress;
  /** Called when there may be a document for the session. */
  readonly notify: () => void;
  /** Called with the outcome of a document that the session does not get, before its call has it. */
  readonly count: (outcome: Outcome) => void;
}

/**
 * The documents of all calls of `run`, first in, first out. Their number is not limited: the callers bound
 * it.
 */
export class Calls implements Input {
  readonly #options: CallsOptions;
  readonly #waiting = new Fifo<Call>();
  /** Calls in `#waiting` that were cancelled: `next` leaves them out. */
  #cancelled = 0;
  /** Calls whose files the runner reads. */
  readonly #reads: CallReads;

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#reads = new CallReads({
      read: (call) => this.#waiting.push(call),
      unread: (call, outcome) => {
        options.count(outcome);
        call.settle(outcome, 0, 0);
      },
      notify: options.notify,
    });
  }

  get queued(): number {
    return this.#waiting.length - this.#cancelled + this.#reads.count;
  }

  add(document: InputDocument): Promise<Outcome> {
    return new Promise((settle, lose) =>
      this.addCall({ document, mtimeMs: null, acceptedMs: now(), settle, lose }),
    );
  }

  addCall(call: Call): void {
    if (this.#options.delivery === 'reference' || hasBytes(call.document)) this.#waiting.push(call);
    else this.#reads.add(call);
  }

  /** A call that `next` has not given was cancelled. */
  cancel(call: Call): void {
    if (this.#reads.remove(call)) return;
    this.#cancelled++;
    // Cancelled documents keep their bytes here until they are left out.
    if (this.#cancelled <= this.#waiting.length / 2) return;
    for (const waiting of this.#waiting.empty()) if (!isCancelled(waiting)) this.#waiting.push(waiting);
    this.#cancelled = 0;
  }

  next(index: number): AnyDocument | null {
    let call = this.#waiting.shift();
    while (this.#cancelled > 0 && call !== null && isCancelled(call)) {
      this.#cancelled--;
      call = this.#waiting.shift();
    }
    if (call === null) return null;
    if (call instanceof CancellableCall) call.sessionIndex = index;
    const { document, mtimeMs } = call;
    const waitedMs = now() - call.acceptedMs;
    this.#options.inProgress.add(index, call, { place: 0, bytes: bytesOf(document), waitedMs, mtimeMs });
    return sessionDocument(index, document);
  }

  /** Does nothing: a call is one document, so nothing is cut short. */
  stop(): void {}

  fail(cause: unknown): void {
    this.#cancelled = 0;
    for (const call of [...this.#waiting.empty(), ...this.#reads.empty()]) call.lose(cause);
  }
}

function isCancelled(call: Call): boolean {
  return call instanceof CancellableCall && call.isCancelled;
}
