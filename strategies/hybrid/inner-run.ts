import { Fifo } from '../session/fifo.js';
import { cancelled } from '../session/outcome.js';
import { end, PushedSource } from '../session/pushed-source.js';
import type { AnyDocument, Outcome, Session } from '../strategy.js';
import { now } from '../worker/clock.js';

/** A document that has no outcome yet. */
interface Pending {
  readonly document: AnyDocument;
  givenMs: number;
  readonly done: (given: Given) => void;
}

interface Given {
  readonly outcome: Outcome;
  readonly givenMs: number;
}

/** One run of the session. */
interface Run {
  readonly source: PushedSource<AnyDocument>;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  isEnding: boolean;
}

/**
 * Gives the documents of batches to a session, in one run that goes on until the workers are asked for their
 * usage, or until the parent begins a run: threads that were given up start again then. Documents of the next
 * batch follow without a pause, so that no thread waits for the last one.
 */
export class InnerRun {
  readonly #session: Session;
  readonly #isDropped: (index: number) => boolean;
  readonly #waiting = new Fifo<Pending>();
  readonly #given = new Map<number, Pending>();
  #maxBatches: number;
  #batches = 0;
  #run: Run | null = null;
  #room: (() => void) | null = null;

  /**
   * @param options.maxBatches this many batches are with the session at a time
   * @param options.isDropped tells whether the caller has cancelled the document with this index
   */
  constructor(
    session: Session,
    {
      maxBatches,
      isDropped,
    }: { readonly maxBatches: number; readonly isDropped: (index: number) => boolean },
  ) {
    this.#session = session;
    this.#maxBatches = maxBatches;
    this.#isDropped = isDropped;
  }

  setMaxBatches(maxBatches: number): void {
    this.#maxBatches = maxBatches;
    this.#room?.();
  }

  /** Resolves when the session may have another batch. */
  async room(): Promise<void> {
    while (this.#batches >= this.#maxBatches)
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
  }

  /** Runs the documents of a batch; returns their outcomes in the same order. */
  run(documents: readonly AnyDocument[]): Promise<Given[]> {
    this.#batches++;
    const all = documents.map(
      (document) =>
        new Promise<Given>((done) => {
          this.#waiting.push({ document, givenMs: now(), done });
        }),
    );
    if (this.#run === null) this.#begin();
    else if (!this.#run.isEnding) this.#run.source.offer();
    return Promise.all(all);
  }

  /** The parent has the outcomes of a batch. */
  answered(): void {
    this.#batches--;
    this.#room?.();
  }

  /** Cancels one document, which may still be on its way. */
  cancel(index: number): void {
    if (this.#given.has(index)) this.#session.cancel(index);
  }

  /** Cancels all documents. */
  cancelAll(): void {
    for (const pending of this.#waiting.empty()) this.#settle(pending, cancelled(pending.document));
    this.#run?.stop.abort();
  }

  /** Ends the run, so that the session can be asked for its usage, closed, or begin another one. */
  async end(): Promise<void> {
    if (this.#run === null) return;
    this.#run.isEnding = true;
    this.#run.source.end();
    await this.#run.ended;
  }

  #begin(): void {
    const stop = new AbortController();
    const source: PushedSource<AnyDocument> = new PushedSource<AnyDocument>({
      give: () => this.#give(),
      returned: () => {
        run.isEnding = true;
        source.end();
      },
    });
    const ended = Promise.resolve()
      .then(() => this.#session.run(source, this.#emit, { signal: stop.signal, cancellable: () => true }))
      .catch((cause: unknown) => {
        if (!stop.signal.aborted) throw cause; // the session has failed as a whole, and so has this process
      })
      .then(() => {
        this.#run = null;
        if (this.#waiting.length > 0) this.#begin();
      });
    const run: Run = { source, stop, ended, isEnding: false };
    this.#run = run;
  }

  #give(): IteratorResult<AnyDocument> | null {
    for (;;) {
      if (this.#run?.isEnding) return end;
      const pending = this.#waiting.shift();
      if (pending === null) return null;
      const { document } = pending;
      if (this.#isDropped(document.index)) {
        this.#settle(pending, cancelled(document));
        continue;
      }
      pending.givenMs = now();
      this.#given.set(document.index, pending);
      return { done: false, value: document };
    }
  }

  readonly #emit = (outcome: Outcome): void => {
    const pending = this.#given.get(outcome.index) as Pending;
    this.#given.delete(outcome.index);
    this.#settle(pending, outcome);
  };

  #settle({ givenMs, done }: Pending, outcome: Outcome): void {
    done({ outcome, givenMs });
  }
}
