import { SourceReader } from '../strategies/session/source.js';
import type { Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import { Fifo } from './fifo.js';
import { checkDocument, type Input, type InputDocument, type PendingDocument } from './pending.js';
import type { ReadAhead } from './read-ahead.js';

/**
 * `Runner.process` reads documents from an array, a generator, a Node stream in object mode, or any other
 * iterable.
 */
export type InputDocuments = Iterable<InputDocument> | AsyncIterable<InputDocument>;

/** An outcome that the caller has not taken yet, and the bytes of its document. */
interface Settled {
  readonly outcome: Outcome;
  readonly bytes: number;
}

/**
 * One call of `process`: a source on one side, the caller that takes outcomes on the other. A document counts
 * against `ReadAhead` from when it is pulled until its outcome is taken. At the limit nothing is pulled until
 * half of it is free again, so that work comes in batches. In order, outcomes wait for earlier ones, and
 * count against the same limit.
 */
export class Stream implements Input {
  readonly #source: SourceReader<InputDocument>;
  readonly #ordered: boolean;
  readonly #readAhead: ReadAhead;
  readonly #notify: () => void;
  /** Documents that an asynchronous source has given, and that the session has not taken yet. */
  readonly #arrived = new Fifo<PendingDocument>();
  /** Outcomes as they came. */
  readonly #settled = new Fifo<Settled>();
  /** Outcomes by place in the source, used instead of `#settled` in order; earlier ones may be missing. */
  readonly #early = new Map<number, Settled>();
  #asked = false;
  #ended = false;
  #left = false;
  #full = false;
  #pulled = 0;
  #taken = 0;
  #bytes = 0;
  #failure: { readonly cause: unknown } | null = null;
  #aborted: { readonly cause: unknown } | null = null;
  #wake = () => {};

  /** @param notify called when there may be a document for the session */
  constructor(
    source: InputDocuments,
    options: { readonly ordered: boolean; readonly readAhead: ReadAhead; readonly notify: () => void },
  ) {
    this.#source = new SourceReader(source);
    this.#ordered = options.ordered;
    this.#readAhead = options.readAhead;
    this.#notify = options.notify;
  }

  get queued(): number {
    return this.#arrived.length;
  }

  /** Starts pulling the source. */
  begin(): void {
    if (!this.#source.isSync) this.#ask();
    else this.#notify();
  }

  next(): PendingDocument | null {
    if (!this.#source.isSync) return this.#arrived.shift();
    if (this.#ended || this.#full) return null;
    try {
      // A synchronous source always answers at once.
      const { done, value } = this.#source.now() as IteratorResult<InputDocument>;
      if (!done) return this.#accept(value, null);
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
    this.#wake();
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
    this.#settled.empty();
    this.#early.clear();
    this.#wake();
  }

  /** Makes the next call of `take` throw `cause`, whatever outcomes are there. */
  abort(cause: unknown): void {
    this.#aborted = { cause };
    this.stop(cause);
    this.#arrived.empty();
    this.#wake();
  }

  /** True when `take` throws. */
  get aborted(): boolean {
    return this.#aborted !== null;
  }

  /** The next outcome, or null when there is none now. @throws the cause of an abort */
  take(): Outcome | null {
    if (this.#aborted !== null) throw this.#aborted.cause;
    const settled = this.#ordered ? this.#early.get(this.#taken) : this.#settled.shift();
    if (settled === null || settled === undefined) return null;
    if (this.#ordered) this.#early.delete(this.#taken);
    this.#taken++;
    this.#bytes -= settled.bytes;
    this.#resumeWhenHalfFree();
    return settled.outcome;
  }

  /**
   * Says whether the last outcome has been taken. @throws what the source has thrown, or the reason it was
   * cut short
   */
  over(): boolean {
    if (this.#left) return true;
    if (!this.#ended || this.#taken < this.#pulled) return false;
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
    this.#source.next().then(
      (next) => {
        this.#asked = false;
        if (this.#ended) return; // the stream was stopped in the meantime, and drops late documents
        if (next.done) return this.#end();
        this.#arrive(next.value);
        this.#ask();
      },
      (cause: unknown) => {
        this.#asked = false;
        if (!this.#ended) this.#end({ cause });
      },
    );
  }

  #arrive(value: InputDocument): void {
    try {
      this.#arrived.push(this.#accept(value, now()));
      this.#notify();
    } catch (cause) {
      this.stop(cause);
    }
  }

  /** @throws TypeError when it is no document */
  #accept(document: InputDocument, acceptedMs: number | null): PendingDocument {
    checkDocument(document);
    const { id, bytes } = document;
    const index = this.#pulled++;
    this.#bytes += bytes.length;
    this.#full = this.#isFull();
    return new StreamDocument(this, { index, id, bytes, acceptedMs });
  }

  /** The stream's own documents call this with their outcome. */
  settle(document: PendingDocument, outcome: Outcome): void {
    if (this.#left) return;
    const settled = { outcome, bytes: document.bytes.length };
    if (this.#ordered) this.#early.set(document.index, settled);
    else this.#settled.push(settled);
    this.#resumeWhenHalfFree(); // a short task raises the limit
    this.#wake();
  }

  /** The stream's own documents call this when they get no outcome. */
  lose(cause: unknown): void {
    if (!this.#left && this.#aborted === null) this.abort(cause);
  }

  #resumeWhenHalfFree(): void {
    if (!this.#full || !this.#isHalfFree()) return;
    this.#full = false;
    if (!this.#source.isSync) this.#ask();
    else this.#notify();
  }

  #isFull(): boolean {
    const documents = this.#pulled - this.#taken;
    const { documents: maxDocuments, bytes: maxBytes, minDocuments } = this.#readAhead;
    return documents >= maxDocuments || (this.#bytes >= maxBytes && documents >= minDocuments);
  }

  #isHalfFree(): boolean {
    const documents = this.#pulled - this.#taken;
    const { documents: maxDocuments, bytes: maxBytes, minDocuments } = this.#readAhead;
    return documents <= maxDocuments / 2 && (this.#bytes <= maxBytes / 2 || documents < minDocuments);
  }

  #end(failure: { readonly cause: unknown } | null = null): void {
    this.#ended = true;
    this.#failure ??= failure;
    this.#wake();
  }
}

/** A document of a stream. A class, because a closure per document would be slower. */
class StreamDocument implements PendingDocument {
  readonly index: number;
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly acceptedMs: number | null;
  waitedMs = 0;
  sessionIndex: number | null = null;
  readonly #stream: Stream;

  constructor(
    stream: Stream,
    { index, id, bytes, acceptedMs }: Pick<PendingDocument, 'index' | 'id' | 'bytes' | 'acceptedMs'>,
  ) {
    this.#stream = stream;
    this.index = index;
    this.id = id;
    this.bytes = bytes;
    this.acceptedMs = acceptedMs;
  }

  settle(outcome: Outcome): void {
    this.#stream.settle(this, outcome);
  }

  fail(cause: unknown): void {
    this.#stream.lose(cause);
  }
}
