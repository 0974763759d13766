import { Fifo } from '../strategies/session/fifo.js';
import { refused } from '../strategies/session/outcome.js';
import { SourceReader } from '../strategies/session/source.js';
import type { AnyDocument, Delivery, Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import type { InProgress } from './in-progress.js';
import { OutcomeRing } from './outcome-ring.js';
import {
  bytesOf,
  checkDocument,
  hasBytes,
  type Input,
  type InputDocument,
  type Receiver,
  sessionDocument,
} from './pending.js';
import type { ReadAhead } from './read-ahead.js';
import { ReadDocument, ReadDocuments, UnreadDocument } from './read-documents.js';

/**
 * `Runner.process` reads documents from an array, a generator, a Node stream in object mode, or any other
 * iterable.
 */
export type InputDocuments = Iterable<InputDocument> | AsyncIterable<InputDocument>;

export interface StreamOptions {
  readonly ordered: boolean;
  /** Gets each outcome as soon as it may be taken; null where the caller takes them. */
  readonly onOutcome: ((outcome: Outcome) => void) | null;
  readonly workers: number;
  readonly delivery: Delivery;
  readonly readAhead: ReadAhead;
  readonly inProgress: InProgress;
  /** Called when there may be a document for the session. */
  readonly notify: () => void;
  /** Called with the outcome of a document that the session did not get. */
  readonly count: (outcome: Outcome) => void;
}

/**
 * One call of `process`: a source on one side, the caller that takes outcomes on the other. A document counts
 * against `ReadAhead` from when it is pulled until its outcome is taken. At a limit nothing is pulled until
 * half of it is free again, so that work comes in batches. In order, outcomes wait for earlier ones, and
 * count against the same limits.
 *
 * Nothing is created per document here: what belongs to a document is in rings, by its place in the source
 * (`InProgress`) or by the position of its outcome (`OutcomeRing`).
 */
export class Stream implements Input, Receiver {
  #source: SourceReader<InputDocument>;
  /** Reads the files of the source; null as long as none of its documents was by path. */
  #files: ReadDocuments | null = null;
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
    this.#pull();
  }

  next(index: number): AnyDocument | null {
    for (;;) {
      const arrived = this.#arrived.shift();
      const document = arrived === null ? this.#now() : arrived.document;
      if (document === null) return null;
      if (arrived !== null && !this.#source.saysNow) this.#ask();
      const place = this.#given++;
      if (document instanceof UnreadDocument) {
        this.#settleUnread(document, place);
        continue;
      }
      this.#options.inProgress.add(index, this, {
        place,
        bytes: bytesOf(document),
        waitedMs: arrived === null ? 0 : now() - arrived.acceptedMs,
        mtimeMs: document instanceof ReadDocument ? document.mtimeMs : null,
      });
      return sessionDocument(index, document);
    }
  }

  /** The next document of a source that can say at once whether it has one; null when there is none now. */
  #now(): InputDocument | null {
    if (!this.#source.saysNow || this.#asked || this.#ended || this.#full) return null;
    try {
      const next = this.#source.now();
      if (next === null) this.#ask();
      else if (next.done) this.#end();
      else if (this.#accept(next.value)) return next.value;
      else return this.#now();
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

  /** Goes on pulling the source: now, or when the session asks. */
  #pull(): void {
    if (this.#source.saysNow) this.#options.notify();
    else this.#ask();
  }

  #ask(): void {
    if (this.#asked || this.#ended || this.#full) return;
    if (this.#arrived.length >= this.#options.readAhead.ready) return;
    this.#asked = true;
    this.#source.next().then(this.#answered, this.#failed);
  }

  readonly #answered = (next: IteratorResult<InputDocument>): void => {
    this.#asked = false;
    if (this.#ended) return; // the stream was stopped in the meantime, and drops late documents
    if (next.done) this.#end();
    else this.#arrive(next.value);
    if (!this.#source.saysNow) this.#ask();
  };

  #arrive(document: InputDocument): void {
    try {
      if (this.#accept(document)) this.#arrived.push({ document, acceptedMs: now() });
      this.#options.notify();
    } catch (cause) {
      this.stop(cause);
    }
  }

  readonly #failed = (cause: unknown): void => {
    this.#asked = false;
    if (!this.#ended) this.#end({ cause });
  };

  /**
   * @returns false when the document has no bytes yet: it and all later ones then come through `#files`
   * @throws TypeError when it is no document
   */
  #accept(document: InputDocument): boolean {
    const { delivery, workers } = this.#options;
    checkDocument(document, delivery);
    if (delivery !== 'reference' && !hasBytes(document)) {
      this.#files = new ReadDocuments(document, this.#source, { workers, delivery });
      this.#source = new SourceReader<InputDocument>(this.#files);
      return false;
    }
    this.#bytes += bytesOf(document);
    this.#pulled++;
    this.#full = this.#isFull();
    return true;
  }

  #settleUnread({ id, cause }: UnreadDocument, place: number): void {
    const outcome = refused({ index: place, id }, cause);
    this.#options.count(outcome);
    this.#put(outcome, place, 0);
  }

  settle(outcome: Outcome, place: number, bytes: number): void {
    this.#files?.settle(bytes, outcome.taskMs);
    this.#put(outcome, place, bytes);
  }

  #handOver(onOutcome: (outcome: Outcome) => void): void {
    try {
      for (let next = this.#outcomes.take(); next !== null; next = this.#outcomes.take()) onOutcome(next);
    } catch (cause) {
      this.abort(cause);
    }
    if (this.#ended) this.#changed();
  }

  #put(outcome: Outcome, place: number, bytes: number): void {
    if (this.#left) return;
    const position = this.#settled++;
    this.#bytes -= bytes;
    const size = Math.max(bytes, outcome.size ?? 0, resultBytes(outcome));
    this.#outcomes.put(this.#options.ordered ? place : position, outcome, size);
    if (this.#options.onOutcome !== null) this.#handOver(this.#options.onOutcome);
    this.#resumeWhenHalfFree(); // a short task raises the limit
    if (this.#outcomes.hasNext) this.#changed();
  }

  lose(cause: unknown): void {
    if (!this.#left && this.#aborted === null) this.abort(cause);
  }

  #resumeWhenHalfFree(): void {
    if (!this.#full || !this.#isHalfFree()) return;
    this.#full = false;
    this.#pull();
  }

  /** True at one of the limits of `ReadAhead`. */
  #isFull(): boolean {
    const { documents, minDocuments, outcomes, bytes } = this.#options.readAhead;
    const untaken = this.#pulled - this.#outcomes.first;
    return (
      this.#pulled - this.#settled >= documents ||
      untaken >= outcomes ||
      (this.#bytes + this.#outcomes.bytes >= bytes && untaken >= minDocuments)
    );
  }

  /** True when half of each limit is free. */
  #isHalfFree(): boolean {
    const { documents, minDocuments, outcomes, bytes } = this.#options.readAhead;
    const untaken = this.#pulled - this.#outcomes.first;
    return (
      this.#pulled - this.#settled <= documents / 2 &&
      untaken <= outcomes / 2 &&
      (this.#bytes + this.#outcomes.bytes <= bytes / 2 || untaken < minDocuments)
    );
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
function resultBytes(outcome: Outcome): number {
  if (outcome.status !== 'ok') return 0;
  const { value } = outcome;
  if (typeof value === 'string') return value.length;
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? value.byteLength : 0;
}
