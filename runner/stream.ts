import { SourceReader } from '../strategies/session/source.js';
import type { Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import type { Document } from '../workloads/workload.js';
import { Fifo } from './fifo.js';
import type { InProgress } from './in-progress.js';
import { OutcomeRing } from './outcome-ring.js';
import { checkDocument, type Input, type InputDocument, type Receiver, sessionDocument } from './pending.js';
import type { ReadAhead } from './read-ahead.js';

/**
 * `Runner.process` reads documents from an array, a generator, a Node stream in object mode, or any other
 * iterable.
 */
export type InputDocuments = Iterable<InputDocument> | AsyncIterable<InputDocument>;

export interface StreamOptions {
  readonly ordered: boolean;
  readonly readAhead: ReadAhead;
  readonly inProgress: InProgress;
  /** Called when there may be a document for the session. */
  readonly notify: () => void;
}

/**
 * One call of `process`: a source on one side, the caller that takes outcomes on the other. A document counts
 * against `ReadAhead` from when it is pulled until its outcome is taken. At the limit nothing is pulled until
 * half of it is free again, so that work comes in batches. In order, outcomes wait for earlier ones, and
 * count against the same limit.
 *
 * Nothing is created per document here: what belongs to a document is in rings, by its place in the source
 * (`InProgress`) or by the position of its outcome (`OutcomeRing`).
 */
export class Stream implements Input, Receiver {
  readonly #source: SourceReader<InputDocument>;
  readonly #options: StreamOptions;
  /** Documents that an asynchronous source has given, and that the session has not taken yet. */
  readonly #arrived = new Fifo<{ readonly document: InputDocument; readonly acceptedMs: number }>();
  /** Outcomes by their place in the source where they are ordered, else as they came. */
  #outcomes = new OutcomeRing();
  #asked = false;
  #ended = false;
  #left = false;
  #full = false;
  #pulled = 0;
  /** Documents that the session was given. */
  #given = 0;
  #settled = 0;
  /** Sizes of all documents that were pulled and have no outcome. */
  #bytes = 0;
  #failure: { readonly cause: unknown } | null = null;
  #aborted: { readonly cause: unknown } | null = null;
  /** Resolves the promise of `change`; null while no caller waits. */
  #wake: (() => void) | null = null;

  constructor(source: InputDocuments, options: StreamOptions) {
    this.#source = new SourceReader(source);
    this.#options = options;
  }

  get queued(): number {
    return this.#arrived.length;
  }

  /** Starts pulling the source. */
  begin(): void {
    if (!this.#source.isSync) this.#ask();
    else this.#options.notify();
  }

  next(index: number): Document | null {
    if (!this.#source.isSync) {
      const arrived = this.#arrived.shift();
      return arrived === null ? null : this.#give(index, arrived.document, now() - arrived.acceptedMs);
    }
    if (this.#ended || this.#full) return null;
    try {
      // A synchronous source always answers at once.
      const next = this.#source.now() as IteratorResult<InputDocument>;
      if (!next.done) {
        this.#accept(next.value);
        return this.#give(index, next.value, 0);
      }
      this.#end();
    } catch (cause) {
      this.stop(cause);
    }
    return null;
  }

  /**
   * Ends the source. The caller gets `cause` after the last outcome, unless the source had already ended by
   * itself.
   */
  stop(cause: unknown): void {
    if (this.#ended) return;
    this.#end({ cause });
    this.#source.stop();
  }

  /**
   * Drops the documents that have arrived, as if they had not been pulled. They are the last ones, so no
   * place is missing.
   */
  fail(cause: unknown): void {
    this.stop(cause);
    this.#pulled -= this.#arrived.empty().length;
    this.#changed();
  }

  /**
   * The caller takes no more outcomes. Documents that the session has still finish; their outcomes are
   * discarded.
   */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.stop(null);
    this.#arrived.empty();
    this.#outcomes = new OutcomeRing();
    this.#changed();
  }

  /** Makes the next call of `take` throw `cause`, whatever outcomes are there. */
  abort(cause: unknown): void {
    this.#aborted = { cause };
    this.stop(cause);
    this.#arrived.empty();
    this.#changed();
  }

  /** True when `take` throws. */
  get aborted(): boolean {
    return this.#aborted !== null;
  }

  /** The next outcome, or null when there is none now. @throws the cause of an abort */
  take(): Outcome | null {
    if (this.#aborted !== null) throw this.#aborted.cause;
    const outcome = this.#outcomes.take();
    if (outcome !== null) this.#resumeWhenHalfFree();
    return outcome;
  }

  /** All outcomes that there are now, or null when there is none. @throws the cause of an abort */
  takeAll(): Outcome[] | null {
    if (this.#aborted !== null) throw this.#aborted.cause;
    const taken: Outcome[] = [];
    for (let next = this.#outcomes.take(); next !== null; next = this.#outcomes.take()) taken.push(next);
    if (taken.length === 0) return null;
    this.#resumeWhenHalfFree();
    return taken;
  }

  /**
   * Says whether the last outcome has been taken. @throws what the source has thrown, or the reason it was
   * cut short
   */
  over(): boolean {
    if (this.#left) return true;
    if (!this.#ended || this.#outcomes.first < this.#pulled) return false;
    if (this.#failure !== null) throw this.#failure.cause;
    return true;
  }

  /** Resolves when `take` or `over` may give another result. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #ask(): void {
    if (this.#asked || this.#ended || this.#full) return;
    this.#asked = true;
    this.#source.next().then(this.#answered, this.#failed);
  }

  readonly #answered = (next: IteratorResult<InputDocument>): void => {
    this.#asked = false;
    if (this.#ended) return; // the stream was stopped in the meantime, and drops late documents
    if (next.done) this.#end();
    else this.#arrive(next.value);
    this.#ask();
  };

  #arrive(document: InputDocument): void {
    try {
      this.#accept(document);
      this.#arrived.push({ document, acceptedMs: now() });
      this.#options.notify();
    } catch (cause) {
      this.stop(cause);
    }
  }

  readonly #failed = (cause: unknown): void => {
    this.#asked = false;
    if (!this.#ended) this.#end({ cause });
  };

  /** @throws TypeError when it is no document */
  #accept(document: InputDocument): void {
    checkDocument(document);
    this.#bytes += document.bytes.length;
    this.#pulled++;
    this.#full = this.#isFull();
  }

  #give(index: number, document: InputDocument, waitedMs: number): Document {
    const place = this.#given++;
    const given = sessionDocument(index, document);
    this.#options.inProgress.add(index, this, place, given.size, waitedMs);
    return given;
  }

  settle(outcome: Outcome, place: number, bytes: number): void {
    if (this.#left) return;
    const position = this.#options.ordered ? place : this.#settled++;
    this.#bytes -= bytes;
    this.#outcomes.put(position, outcome, Math.max(bytes, bytesOf(outcome)));
    this.#resumeWhenHalfFree(); // a short task raises the limit
    if (position === this.#outcomes.first) this.#changed();
  }

  lose(cause: unknown): void {
    if (!this.#left && this.#aborted === null) this.abort(cause);
  }

  #resumeWhenHalfFree(): void {
    if (!this.#full || !this.#isHalfFree()) return;
    this.#full = false;
    if (!this.#source.isSync) this.#ask();
    else this.#options.notify();
  }

  #isFull(): boolean {
    const documents = this.#pulled - this.#outcomes.first;
    const bytes = this.#bytes + this.#outcomes.bytes;
    const { documents: maxDocuments, bytes: maxBytes, minDocuments } = this.#options.readAhead;
    return documents >= maxDocuments || (bytes >= maxBytes && documents >= minDocuments);
  }

  #isHalfFree(): boolean {
    const documents = this.#pulled - this.#outcomes.first;
    const bytes = this.#bytes + this.#outcomes.bytes;
    const { documents: maxDocuments, bytes: maxBytes, minDocuments } = this.#options.readAhead;
    return documents <= maxDocuments / 2 && (bytes <= maxBytes / 2 || documents < minDocuments);
  }

  #end(failure: { readonly cause: unknown } | null = null): void {
    this.#ended = true;
    this.#failure ??= failure;
    this.#changed();
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = null; // it is called once: a promise that is resolved again is slow
    wake?.();
  }
}

/**
 * Memory of an outcome, as far as it is known at once. Other results are taken to be as large as their
 * document.
 */
function bytesOf(outcome: Outcome): number {
  if (outcome.status !== 'ok') return 0;
  const { value } = outcome;
  if (typeof value === 'string') return value.length;
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? value.byteLength : 0;
}
