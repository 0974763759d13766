import type { Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import type { Call, InputDocument } from './pending.js';

/** A call of `run` with a signal. Calls without one are plain objects, and pay nothing for this. */
export class CancellableCall implements Call {
  document: InputDocument;
  mtimeMs: number | null = null;
  readonly acceptedMs = now();
  /** The session has the document under this index of its run; null before it took it. */
  sessionIndex: number | null = null;
  readonly outcome: Promise<Outcome>;
  readonly #signal: AbortSignal;
  readonly #signals: Signals;
  #isCancelled = false;
  #resolve: (outcome: Outcome) => void = () => {};
  #reject: (cause: unknown) => void = () => {};

  constructor(document: InputDocument, signal: AbortSignal, signals: Signals) {
    this.document = document;
    this.#signal = signal;
    this.#signals = signals;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signals.add(signal, this);
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** The signal has aborted. */
  cancel(): void {
    this.#isCancelled = true;
    this.#reject(this.#signal.reason);
  }

  settle(outcome: Outcome): void {
    this.#signals.remove(this.#signal, this);
    this.#resolve(outcome);
  }

  lose(cause: unknown): void {
    this.#signals.remove(this.#signal, this);
    this.#reject(cause);
  }
}

/**
 * Holds the signals of all calls that have no outcome. Each signal gets one listener, however many calls it
 * has: Node warns of more than ten, and looks through all of them for each one that comes or goes.
 */
export class Signals {
  readonly #cancelled: (call: CancellableCall) => void;
  readonly #of = new Map<AbortSignal, { readonly calls: Set<CancellableCall>; readonly abort: () => void }>();

  /** @param cancelled called with each call whose signal has aborted */
  constructor(cancelled: (call: CancellableCall) => void) {
    this.#cancelled = cancelled;
  }

  /** True when no call has a signal. */
  get isEmpty(): boolean {
    return this.#of.size === 0;
  }

  add(signal: AbortSignal, call: CancellableCall): void {
    const known = this.#of.get(signal);
    if (known !== undefined) {
      known.calls.add(call);
      return;
    }
    const calls = new Set([call]);
    const abort = () => {
      this.#of.delete(signal);
      for (const call of calls) this.#cancelled(call);
    };
    this.#of.set(signal, { calls, abort });
    signal.addEventListener('abort', abort, { once: true });
  }

  remove(signal: AbortSignal, call: CancellableCall): void {
    const known = this.#of.get(signal);
    known?.calls.delete(call);
    if (known?.calls.size !== 0) return;
    this.#of.delete(signal);
    signal.removeEventListener('abort', known.abort);
  }
}
