import type { Mutable } from '../strategies/session/outcome.js';
import { owned } from '../strategies/session/owned.js';
import { end, PushedSource } from '../strategies/session/pushed-source.js';
import type { CarriedDocument } from '../strategies/session/reference.js';
import type { AnyDocument, Delivery, Outcome, Session } from '../strategies/strategy.js';
import type { AdaptiveNumber } from './adaptive.js';
import type { CacheUse } from './cache-use.js';
import { Calls } from './calls.js';
import { CancellableCall, Signals } from './cancellable-call.js';
import { InProgress } from './in-progress.js';
import { Inputs } from './inputs.js';
import type { Input, InputDocument } from './pending.js';
import { ReadAhead } from './read-ahead.js';

/**
 * Joins many callers to one session, which allows one run at a time: the exchange keeps one long run going,
 * over a source that merges the inputs of all callers. The way of a document:
 *
 * 1. An input (all calls of `run`, or one `process`) gets a document and calls `notify`. That answers a
 *    session that waits for a document, or begins a run.
 * 2. The session pulls from `PushedSource`, which asks the inputs in turn (`Inputs`). A synchronous source
 *    is pulled in that moment; an asynchronous one was asked earlier, and what has arrived waits in its
 *    `Stream`.
 * 3. The outcome goes to its caller at once. It never waits until the caller takes it, so one slow caller
 *    holds up no other. A slow caller slows its own source only: `ReadAhead` limits the documents between the
 *    two.
 *
 * A document whose signal aborts (only calls of `run` have one) is cancelled, and its caller gets the reason
 * at once. If it waits in `Calls`, it is left out there. If the session has it, the session cancels it
 * (`strategies/session/cancelling.ts`). An entry without a caller then remains until the session is done with
 * it, so that a run, a drain or a close never ends under it.
 *
 * When a run ends:
 *
 * - `drain` and `close` end it.
 * - It is restarted after crashes, because a session replaces abandoned workers only when a run starts. After
 *   a crash the exchange waits until nothing is left to do. When the session has no worker left and refuses
 *   documents, the exchange ends the run at once; documents that arrive then wait for the next run, which
 *   begins by itself.
 * - When the run fails or the session closes, every document in progress and every input fails, so no caller
 *   waits forever.
 */
export class Exchange {
  readonly counters = {
    ok: 0,
    failed: 0,
    'timed-out': 0,
    crashed: 0,
    cancelled: 0,
    busyMs: 0,
    queuedMs: 0,
    bytes: 0,
  };
  /** Limits how far each source is read ahead. */
  readonly readAhead: ReadAhead;
  readonly #session: Session;
  readonly #copyViews: boolean;
  readonly #see: (bytes: number) => void;
  readonly #adaptive: AdaptiveNumber | null;
  readonly #cache: CacheUse | null;
  /** Documents that the session has. */
  readonly inProgress = new InProgress();
  readonly #calls: Calls;
  readonly #inputs: Inputs;
  readonly #signals = new Signals((call) => this.#cancel(call));
  #nextIndex = 0;
  /** The current run pulls from this source; null between runs. */
  #source: PushedSource<AnyDocument> | null = null;
  /** The current run is to end: its source gives no more documents. */
  #ending = false;
  /** The current run has had a crash. */
  #hasCrashed = false;
  #closed: { readonly cause: unknown } | null = null;
  #drained: (() => void) | null = null;

  constructor(
    session: Session,
    { workers, perWorker = 1, delivery, see, adaptive, cacheUse }: ExchangeOptions,
  ) {
    this.readAhead = new ReadAhead(workers * perWorker);
    this.#session = session;
    this.#calls = new Calls({
      delivery,
      inProgress: this.inProgress,
      notify: this.notify,
      count: this.count,
    });
    this.#inputs = new Inputs(this.#calls);
    this.#copyViews = delivery === 'clone'; // a view would be cloned with its whole buffer
    this.#see = see;
    this.#adaptive = adaptive ?? null;
    this.#cache = cacheUse ?? null;
    adaptive?.begin((documents) => {
      this.readAhead.atWork = documents;
    });
  }

  /** Documents that wait for the session. */
  get queued(): number {
    return this.#inputs.queued;
  }

  /** The reason why no document is accepted any longer; null as long as the exchange is open. */
  get closed(): { readonly cause: unknown } | null {
    return this.#closed;
  }

  run(document: InputDocument): Promise<Outcome> {
    const outcome = this.#calls.add(document);
    this.notify();
    return outcome;
  }

  /** Runs a document that is cancelled when the signal aborts. */
  runCancellable(document: InputDocument, signal: AbortSignal): Promise<Outcome> {
    if (signal.aborted) {
      this.counters.cancelled++;
      return Promise.reject(signal.reason);
    }
    const call = new CancellableCall(document, signal, this.#signals);
    this.#calls.addCall(call);
    this.notify();
    return call.outcome;
  }

  enter(input: Input): void {
    if (this.#closed !== null) input.fail(this.#closed.cause);
    else this.#inputs.add(input);
  }

  leave(input: Input): void {
    this.#inputs.remove(input);
    this.#endWhenDone();
  }

  /** An input calls this when it may have a document. */
  readonly notify = (): void => {
    if (this.#closed !== null) return;
    this.#inputs.askAgain();
    if (this.#source === null) this.#begin();
    else if (!this.#ending && !this.#inputs.asking) {
      this.#source.offer();
      this.#endWhenDone(); // a source may have called `drain` while it was asked
    }
  };

  /** Pulls no source any more, `cause` says why. Resolves when every accepted document has its outcome. */
  async drain(cause: unknown): Promise<void> {
    this.#inputs.stop(cause);
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      this.#endWhenDone();
    });
  }

  /**
   * Documents that the session has get their outcomes, all others fail. @param closeSession closes the
   * session
   */
  async close(cause: unknown, closeSession: () => Promise<void>): Promise<void> {
    this.#fail(cause);
    await closeSession();
    this.#failInProgress(cause); // none is left, unless the strategy is broken
    this.#endWhenDone();
  }

  #begin(): void {
    this.#ending = false;
    this.#hasCrashed = false;
    const source = new PushedSource<AnyDocument>({
      give: () => this.#give(),
      starved: () => this.#endWhenDone(),
      returned: () => {
        this.#ending = true;
        this.#source?.end();
      },
    });
    this.#source = source;
    this.#session
      .run(source, this.#emit, { cancellable: this.#isCancellable })
      .then(
        () =>
          this.#failInProgress(
            new Error('expected an outcome for every document, and the run ended without'),
          ),
        (cause: unknown) => {
          this.#fail(cause);
          this.#failInProgress(cause);
        },
      )
      .then(() => {
        source.end();
        this.#source = null;
        this.#endWhenDone();
        // A synchronous source only shows whether it has a document when it is asked.
        if (this.queued > 0 || this.#inputs.count > 1) this.notify();
      });
  }

  readonly #isCancellable = (index: number): boolean =>
    !this.#signals.isEmpty && this.inProgress.at(index)?.receiver instanceof CancellableCall;

  #cancel(call: CancellableCall): void {
    call.cancel();
    this.counters.cancelled++;
    if (call.sessionIndex === null) this.#calls.cancel(call);
    else {
      const entry = this.inProgress.at(call.sessionIndex);
      if (entry !== null) entry.receiver = null;
      this.#session.cancel(call.sessionIndex);
    }
    this.#endWhenDone();
  }

  #give(): IteratorResult<AnyDocument> | null {
    if (this.#ending || this.#closed !== null) return end;
    const document = this.#inputs.next(this.#nextIndex);
    if (document === null) return null;
    this.#nextIndex++;
    // Every document has its bytes here: only delivery `reference` hands on others.
    return { done: false, value: this.#copyViews ? owned(document as CarriedDocument) : document };
  }

  readonly #emit = (outcome: Outcome): void => {
    const entry = this.inProgress.at(outcome.index);
    if (entry === null) return; // it has failed in the meantime
    const { receiver, place, bytes, waitedMs, mtimeMs } = entry;
    this.inProgress.remove(entry);
    if (outcome.status === 'crashed') {
      this.#hasCrashed = true;
      // The document has ended no worker: the session has abandoned its workers.
      if (outcome.error.attempts === undefined) this.#ending = true;
    }
    if (receiver !== null) {
      // The session keeps no outcome, so this one is changed in place: a copy would be slow.
      const mine = outcome as Mutable<Outcome>;
      mine.index = place;
      if (mine.queuedMs !== null) mine.queuedMs += waitedMs;
      if (mtimeMs !== null) {
        mine.size = bytes;
        mine.mtimeMs = mtimeMs;
      }
      this.count(outcome, bytes);
      receiver.settle(outcome, place, bytes);
    }
    this.#endWhenDone();
  };

  /** @param bytes the runner held this many bytes of the document */
  readonly count = (outcome: Outcome, bytes = 0): void => {
    const { status, taskMs, queuedMs, size } = outcome;
    const { counters } = this;
    counters[status]++;
    counters.bytes += size ?? bytes;
    this.#cache?.see(outcome);
    if (queuedMs !== null) counters.queuedMs += queuedMs;
    if (taskMs === null) return;
    counters.busyMs += taskMs;
    this.readAhead.learn(taskMs);
    this.#see(size ?? bytes);
    this.#adaptive?.ended(outcome, size ?? bytes, this.inProgress.count + 1);
  };

  /**
   * Ends a drain or the current run when there is nothing left to do for it. Called after each change that
   * can cause this.
   */
  #endWhenDone(): void {
    const isIdle = this.inProgress.count === 0 && this.queued === 0 && !this.#inputs.asking;
    if (this.#drained !== null && (isIdle || this.#closed !== null)) {
      this.#drained();
      this.#drained = null;
    }
    if (this.#hasCrashed && isIdle) this.#ending = true;
    if (this.#ending) this.#source?.end();
  }

  #fail(cause: unknown): void {
    this.#closed ??= { cause };
    this.#inputs.fail(cause);
  }

  #failInProgress(cause: unknown): void {
    for (const receiver of this.inProgress.empty()) receiver.lose(cause);
  }
}

export interface ExchangeOptions {
  readonly workers: number;
  readonly perWorker?: number;
  readonly delivery: Delivery;
  /** Lets the number of documents at the same time follow the load; absent where it does not. */
  readonly adaptive?: AdaptiveNumber;
  /** Counts the documents whose results were found; absent where none are kept. */
  readonly cacheUse?: CacheUse;
  /** Gets the size of every document whose task has ended, bytes. */
  readonly see: (bytes: number) => void;
}
