import { Fifo } from '../strategies/session/fifo.js';
import { cancelled } from '../strategies/session/outcome.js';
import { end, PushedSource } from '../strategies/session/pushed-source.js';
import type { AnyDocument, CloseOptions, Members, Outcome, Session } from '../strategies/strategy.js';

/**
 * Runs batches on an agent's session, which allows one run at a time: one long run goes on over a source that
 * gives the documents of all batches, the oldest batch first. Documents of the next batch follow without a
 * pause, so that no worker waits for the last document of a batch.
 *
 * Documents keep the index that they have in the caller's run, because tasks see it. A batch of another pass
 * of the caller's, or with an index that is in progress, waits until this run has ended, and begins the next
 * one. A session that has given up its workers therefore has workers again when its caller has.
 */
export class Inner {
  readonly #session: Session;
  /** The batch of each document that the session has. */
  readonly #inProgress = new Map<number, Batch>();
  /** The session takes documents of this batch; null when there is none. */
  #current: Batch | null = null;
  /** Batches behind the current one. */
  readonly #waiting = new Fifo<Batch>();
  #run: Run | null = null;
  #documents = 0;
  /** The workers are being asked for their usage, which they are between two runs. */
  #asking = false;
  /** Documents of this pass that were cancelled, until `forget`. */
  #dropped = { pass: -1, indexes: new Set<number>() };
  /** All documents of this pass, and of those before it, are cancelled. */
  #cancelledPass = -1;
  #closed: { readonly cause: unknown } | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Documents that have no outcome yet. */
  get documents(): number {
    return this.#documents;
  }

  /**
   * Runs the documents of one batch. Resolves when all have their outcomes. Rejects only when the session
   * fails as a whole, or is closed.
   * @param pass the pass of the caller's session that the batch belongs to
   * @param settle gets each outcome, with the place of its document in the batch
   */
  run(pass: number, documents: readonly InnerDocument[], settle: Settle): Promise<void> {
    this.#documents += documents.length;
    const batch = new Batch(pass, documents, (outcome, place) => {
      this.#documents--;
      settle(outcome, place);
    });
    if (this.#closed !== null) batch.lose(this.#closed.cause);
    else if (pass <= this.#cancelledPass) batch.drop();
    else if (documents.length > 0) {
      if (this.#current === null) this.#current = batch;
      else this.#waiting.push(batch);
      if (this.#run !== null) this.#run.source.offer();
      else if (!this.#asking) this.#begin(this.#current.pass);
    }
    return batch.done;
  }

  /** Cancels one document, now or when it comes. Documents of earlier passes have their outcomes. */
  drop(pass: number, index: number): void {
    if (pass > this.#dropped.pass) this.#dropped = { pass, indexes: new Set() };
    if (pass !== this.#dropped.pass) return;
    this.#dropped.indexes.add(index);
    if (this.#inProgress.get(index)?.pass === pass) this.#session.cancel(index);
  }

  /** The caller has the outcome of this document, and may give its index to another one. */
  forget(pass: number, index: number): void {
    if (pass === this.#dropped.pass) this.#dropped.indexes.delete(index);
  }

  /** Cancels the documents of this pass and of those before it, here or still to come. */
  cancel(pass: number): void {
    this.#cancelledPass = Math.max(this.#cancelledPass, pass);
    for (const batch of this.#untaken())
      if (batch.pass <= this.#cancelledPass) batch.drop();
      else if (this.#current === null) this.#current = batch;
      else this.#waiting.push(batch);
    if (this.#run !== null && this.#run.pass <= this.#cancelledPass) this.#run.stop.abort();
  }

  /** Asks the workers for their usage when the run in progress has ended. */
  async members(): Promise<Members> {
    const run = this.#run;
    this.#asking = true;
    try {
      if (run !== null) {
        run.ending = true;
        run.source.end();
        await run.ended;
      }
      return await this.#session.members();
    } finally {
      this.#asking = false;
      this.#beginNext();
    }
  }

  /** Batches whose documents the session has not all taken are lost. */
  async close(options?: CloseOptions): Promise<void> {
    const cause = new Error('the agent has closed its session');
    this.#closed ??= { cause };
    for (const batch of this.#untaken()) batch.lose(cause);
    this.#run?.source.end();
    await this.#session.close(options);
  }

  #begin(pass: number): void {
    let ended = () => {};
    const run: Run = {
      pass,
      ending: false,
      ended: new Promise((resolve) => {
        ended = resolve;
      }),
      stop: new AbortController(),
      source: new PushedSource({
        give: () => this.#give(run),
        returned() {
          run.ending = true;
          run.source.end();
        },
      }),
    };
    this.#run = run;
    this.#session
      .run(run.source, this.#emit, {
        cancellable: this.#cancellable,
        signal: run.stop.signal,
      })
      .then(
        () => this.#lose(new Error('expected an outcome for every document, and the run ended without')),
        (cause: unknown) => {
          if (!run.stop.signal.aborted) this.#closed ??= { cause };
          this.#lose(cause);
        },
      )
      .then(() => {
        run.source.end();
        this.#run = null;
        this.#beginNext();
        ended();
      });
  }

  #beginNext(): void {
    if (this.#closed !== null) for (const batch of this.#untaken()) batch.lose(this.#closed.cause);
    else if (this.#current !== null && this.#run === null && !this.#asking) this.#begin(this.#current.pass);
  }

  readonly #cancellable = (index: number): boolean => {
    return this.#inProgress.get(index)?.isCancellable(index) === true;
  };

  #give(run: Run): IteratorResult<AnyDocument> | null {
    while (this.#current !== null && !run.ending && this.#closed === null) {
      const batch = this.#current;
      const { document } = batch.next;
      const { index } = document;
      if (batch.pass !== run.pass || this.#inProgress.has(index)) {
        run.ending = true;
        run.source.end();
        break;
      }
      batch.take();
      if (batch.isTaken) this.#current = this.#waiting.shift();
      if (batch.pass === this.#dropped.pass && this.#dropped.indexes.has(index)) {
        batch.settle(cancelled(document));
        continue;
      }
      this.#inProgress.set(index, batch);
      return { done: false, value: document };
    }
    return run.ending || this.#closed !== null ? end : null;
  }

  readonly #emit = (outcome: Outcome): void => {
    const batch = this.#inProgress.get(outcome.index);
    this.#inProgress.delete(outcome.index);
    batch?.settle(outcome); // it may have been lost in the meantime
  };

  /** Takes all batches out whose documents the session has not all taken. */
  #untaken(): Batch[] {
    const batches = [...(this.#current === null ? [] : [this.#current]), ...this.#waiting.empty()];
    this.#current = null;
    return batches;
  }

  #lose(cause: unknown): void {
    for (const batch of this.#inProgress.values()) batch.lose(cause);
    this.#inProgress.clear();
  }
}

/** A document for the session, and whether its caller may cancel it. */
export interface InnerDocument {
  readonly document: AnyDocument;
  readonly cancellable: boolean;
}

/** The session has one run of this kind at a time. */
interface Run {
  readonly pass: number;
  readonly source: PushedSource<AnyDocument>;
  readonly stop: AbortController;
  /** The source gives no more documents. */
  ending: boolean;
  readonly ended: Promise<void>;
}

/** Gets the outcome of the document at this place of its batch. */
export type Settle = (outcome: Outcome, place: number) => void;

/** Knows which documents of one batch have no outcome. */
class Batch {
  readonly pass: number;
  readonly done: Promise<void>;
  readonly #documents: readonly InnerDocument[];
  readonly #settle: Settle;
  readonly #first: number;
  #taken = 0;
  #missing: number;
  #resolve!: () => void;
  #reject!: (cause: unknown) => void;

  constructor(pass: number, documents: readonly InnerDocument[], settle: Settle) {
    this.pass = pass;
    this.#documents = documents;
    this.#settle = settle;
    this.#first = documents[0]?.document.index ?? 0;
    this.#missing = documents.length;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (documents.length === 0) this.#resolve();
  }

  /** True when all documents were taken. */
  get isTaken(): boolean {
    return this.#taken === this.#documents.length;
  }

  get next(): InnerDocument {
    return this.#documents[this.#taken] as InnerDocument;
  }

  take(): void {
    this.#taken++;
  }

  isCancellable(index: number): boolean {
    return this.#documents[this.#placeOf(index)]?.cancellable === true;
  }

  /** The documents that were not taken do not run. */
  drop(): void {
    while (!this.isTaken) {
      const { document } = this.next;
      this.take();
      this.settle(cancelled(document));
    }
  }

  settle(outcome: Outcome): void {
    this.#settle(outcome, this.#placeOf(outcome.index));
    if (--this.#missing === 0) this.#resolve();
  }

  lose(cause: unknown): void {
    this.#reject(cause);
  }

  /** The documents of most batches follow each other. */
  #placeOf(index: number): number {
    const place = index - this.#first;
    return this.#documents[place]?.document.index === index
      ? place
      : this.#documents.findIndex(({ document }) => document.index === index);
  }
}
