import type { Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import { Fifo } from './fifo.js';
import type { Room } from './room.js';
import { checkDocument, type Entrant, type InputDocument, type Ticket } from './ticket.js';

export type InputDocuments = Iterable<InputDocument> | AsyncIterable<InputDocument>;

/** An outcome that waits to be taken, and what its document holds of the room. */
interface Settled {
  readonly outcome: Outcome;
  readonly bytes: number;
}

/**
 * One call of `process`: a source on one side, who takes the outcomes on the other. A document takes room from when it
 * is pulled until its outcome is taken. When the room is full nothing is pulled until half of it is free again, so
 * that work comes in batches. In order, outcomes wait for those before them: in the same room.
 */
export class Stream implements Entrant {
  readonly #source:
    | { readonly now: Iterator<InputDocument> }
    | { readonly later: AsyncIterator<InputDocument> };
  readonly #ordered: boolean;
  readonly #room: Room;
  readonly #notify: () => void;
  /** Of an asynchronous source: given, and not yet asked for by the session. */
  readonly #arrived = new Fifo<Ticket>();
  /** To be taken as they came; in order, by place in the source, where those before them may be missing. */
  readonly #settled = new Fifo<Settled>();
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

  /** @param notify says that there may be something for the session */
  constructor(
    source: InputDocuments,
    options: { readonly ordered: boolean; readonly room: Room; readonly notify: () => void },
  ) {
    this.#source =
      Symbol.asyncIterator in source
        ? { later: source[Symbol.asyncIterator]() }
        : { now: source[Symbol.iterator]() };
    this.#ordered = options.ordered;
    this.#room = options.room;
    this.#notify = options.notify;
  }

  get queued(): number {
    return this.#arrived.length;
  }

  /** Begins to pull. */
  begin(): void {
    if ('later' in this.#source) this.#ask(this.#source.later);
    else this.#notify();
  }

  next(): Ticket | null {
    if ('later' in this.#source) return this.#arrived.shift();
    if (this.#ended || this.#full) return null;
    try {
      const { done, value } = this.#source.now.next();
      if (!done) return this.#accept(value, null);
      this.#end();
    } catch (cause) {
      this.stop(cause);
    }
    return null;
  }

  /** The source is told; who takes the outcomes learns it behind the last one, unless the source had ended by itself. */
  stop(cause: unknown): void {
    if (this.#ended) return;
    this.#end({ cause });
    this.#release();
  }

  /** What has arrived and was not asked for is let go as if it had not been pulled: it is the last there is, so no place is left open. */
  fail(cause: unknown): void {
    this.stop(cause);
    this.#pulled -= this.#arrived.empty().length;
    this.#wake();
  }

  /** Nobody takes outcomes any longer. What the session has of it comes to its end, and nobody is told. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.stop(null);
    this.#arrived.empty();
    this.#settled.empty();
    this.#early.clear();
    this.#wake();
  }

  /** The next call of `take` throws, whatever has been settled. */
  abort(cause: unknown): void {
    this.#aborted = { cause };
    this.stop(cause);
    this.#arrived.empty();
    this.#wake();
  }

  /** Whether `take` throws. */
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
    this.#open();
    return settled.outcome;
  }

  /** Whether all has been taken that will ever be. @throws what the source has thrown, or what has cut it short */
  over(): boolean {
    if (this.#left) return true;
    if (!this.#ended || this.#taken < this.#pulled) return false;
    if (this.#failure !== null) throw this.#failure.cause;
    return true;
  }

  /** Resolves when `take` or `over` may have something else to say. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #ask(source: AsyncIterator<InputDocument>): void {
    if (this.#asked || this.#ended || this.#full) return;
    this.#asked = true;
    let asked: Promise<IteratorResult<InputDocument>>;
    try {
      asked = Promise.resolve(source.next());
    } catch (cause) {
      asked = Promise.reject(cause);
    }
    asked.then(
      (next) => {
        this.#asked = false;
        if (this.#ended) return; // it was stopped meanwhile, and what comes late is let go
        if (next.done) return this.#end();
        this.#arrive(next.value);
        this.#ask(source);
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
  #accept(document: InputDocument, acceptedMs: number | null): Ticket {
    checkDocument(document);
    const { id, bytes } = document;
    const index = this.#pulled++;
    this.#bytes += bytes.length;
    this.#full = this.#isFull();
    return new Place(this, { index, id, bytes, acceptedMs });
  }

  /** For the stream's own tickets. */
  settle(ticket: Ticket, outcome: Outcome): void {
    if (this.#left) return;
    const settled = { outcome, bytes: ticket.bytes.length };
    if (this.#ordered) this.#early.set(ticket.index, settled);
    else this.#settled.push(settled);
    this.#open(); // it may have shown that tasks are short
    this.#wake();
  }

  /** For the stream's own tickets. */
  lose(cause: unknown): void {
    if (!this.#left && this.#aborted === null) this.abort(cause);
  }

  #open(): void {
    if (!this.#full || !this.#isHalfFree()) return;
    this.#full = false;
    if ('later' in this.#source) this.#ask(this.#source.later);
    else this.#notify();
  }

  #isFull(): boolean {
    const documents = this.#pulled - this.#taken;
    return (
      documents >= this.#room.documents || (this.#bytes >= this.#room.bytes && documents >= this.#room.least)
    );
  }

  #isHalfFree(): boolean {
    const documents = this.#pulled - this.#taken;
    return (
      documents <= this.#room.documents / 2 &&
      (this.#bytes <= this.#room.bytes / 2 || documents < this.#room.least)
    );
  }

  #end(failure: { readonly cause: unknown } | null = null): void {
    this.#ended = true;
    this.#failure ??= failure;
    this.#wake();
  }

  /** Tells the source that no more will be taken. One that is waiting takes note when it next has something: nobody waits for that. */
  #release(): void {
    try {
      const returned = 'now' in this.#source ? this.#source.now.return?.() : this.#source.later.return?.();
      if (returned instanceof Promise) returned.catch(() => {});
    } catch {
      // Its outcomes count, not how it tidies up.
    }
  }
}

/** A document of a stream. */
class Place implements Ticket {
  readonly index: number;
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly acceptedMs: number | null;
  waitedMs = 0;
  readonly #stream: Stream;

  constructor(
    stream: Stream,
    { index, id, bytes, acceptedMs }: Pick<Ticket, 'index' | 'id' | 'bytes' | 'acceptedMs'>,
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
