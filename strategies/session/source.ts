import { setImmediate } from 'node:timers';
import type { AnyDocument, Documents } from '../strategy.js';
import type { CarriedDocument, CarriedDocuments } from './reference.js';

/**
 * This module alone knows how sources are read: synchronous or asynchronous, with or without the method
 * `ready`.
 */

/**
 * Names a method of our own sources; a source of the user may have a method called "ready" that means
 * something else.
 */
export const ready = Symbol('ready');

/**
 * An asynchronous source that can say at once whether it has an item. A reader that does not know this
 * method uses `next`, which costs a promise per item: more than the item itself where tasks take
 * microseconds.
 */
export interface Source<Item = CarriedDocument> extends AsyncIterator<Item> {
  /**
   * Returns what `next` would give; null when `next` would have to wait. Must not be called while a `next`
   * is pending.
   */
  [ready]?(): IteratorResult<Item> | null;
}

const end: IteratorResult<never> = { done: true, value: undefined };

/** Reads a source of either kind. */
export class SourceReader<Item> {
  readonly #now: (() => IteratorResult<Item> | null) | null;
  readonly #later: Source<Item> | null;
  readonly #iterator: Iterator<Item> | Source<Item>;

  constructor(items: Iterable<Item> | AsyncIterable<Item>) {
    if (Symbol.asyncIterator in items) {
      const source: Source<Item> = items[Symbol.asyncIterator]();
      this.#later = this.#iterator = source;
      this.#now = source[ready]?.bind(source) ?? null;
    } else {
      const source = items[Symbol.iterator]();
      this.#later = null;
      this.#iterator = source;
      this.#now = () => source.next();
    }
  }

  /** True when the source never has to be waited for. */
  get isSync(): boolean {
    return this.#later === null;
  }

  /** True when `now` can answer; if not, it always returns null. */
  get saysNow(): boolean {
    return this.#now !== null;
  }

  /**
   * Returns the next item, or the source's end; null when `next` has to be awaited. Must not be called
   * while a `next` is pending.
   * @throws what the source throws
   */
  now(): IteratorResult<Item> | null {
    return this.#now === null ? null : this.#now();
  }

  /** Waits for the next item, or the source's end. It rejects with the error of the source. */
  next(): Promise<IteratorResult<Item>> {
    try {
      return Promise.resolve(this.#iterator.next());
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  /**
   * Tells the source that no further item is taken. A source that is waiting notices when it next has an
   * item, and nothing waits for that. Its errors are ignored: the run has ended.
   */
  stop(): void {
    try {
      const returned = this.#iterator.return?.();
      if (returned instanceof Promise) returned.catch(() => {});
    } catch {
      // The run has ended.
    }
  }
}

export interface Limits {
  /** Ends the source early, also while a reader waits for the next document. */
  readonly signal: AbortSignal;
  /** Returns the document as strategies carry it. A document for which it returns null is left out. */
  take(document: AnyDocument): CarriedDocument | null;
}

/** Returns the documents within limits. A synchronous source stays synchronous. */
export function limited(documents: Documents, limits: Limits): CarriedDocuments {
  return Symbol.asyncIterator in documents
    ? { [Symbol.asyncIterator]: () => limitedLater(documents[Symbol.asyncIterator](), limits) }
    : { [Symbol.iterator]: () => limitedNow(documents[Symbol.iterator](), limits) };
}

function limitedNow(source: Iterator<AnyDocument>, limits: Limits): Iterator<CarriedDocument> {
  const { signal } = limits;
  const stop = (): IteratorResult<CarriedDocument> => {
    source.return?.();
    return end;
  };
  return {
    next() {
      for (;;) {
        // Checks before it takes: a document that was taken and not passed on would be lost.
        if (signal.aborted) return stop();
        const next = takenOf(source.next(), limits);
        if (next !== null) return next;
      }
    },
    return: stop,
  };
}

/** Returns the document as strategies carry it, or the source's end; null when the document is left out. */
function takenOf(
  next: IteratorResult<AnyDocument>,
  { take }: Limits,
): IteratorResult<CarriedDocument> | null {
  if (next.done) return next;
  const document = take(next.value);
  if (document === next.value) return next as IteratorResult<CarriedDocument>; // it has its bytes
  return document === null ? null : { done: false, value: document };
}

function limitedLater(source: Source<AnyDocument>, limits: Limits): Source {
  const { signal } = limits;
  let stopped = signal.aborted; // the signal's own property is slow to read for each document
  const stop = () => {
    stopped = true;
    // A source that is waiting notices when it next has a document: nothing waits for that.
    source.return?.()?.then(undefined, () => {});
    // Documents that the source has given by now are still delivered.
    setImmediate(() => {
      for (const giveUp of waiting) giveUp();
    });
  };
  // A set of our own: a race of promises would add one reaction per document to the signal's promise. There
  // may be several readers at once, because a pool asks for the next document in each of its places.
  const waiting = new Set<() => void>();
  // p-map drops a document that answers a later question than the end does. So each question waits for the
  // answer to the one before, which is this one; null when all have their answers.
  let latest: Promise<void> | null = null;
  signal.addEventListener('abort', stop, { once: true });
  const seen = (next: IteratorResult<CarriedDocument>) => {
    if (next.done) signal.removeEventListener('abort', stop); // the session may have many more runs
    return next;
  };
  const atOnce = source[ready]?.bind(source);
  const ask = async (): Promise<IteratorResult<CarriedDocument>> => {
    while (!stopped) {
      const taken = takenOf(await source.next(), limits);
      if (taken !== null) return seen(taken);
    }
    return end; // a document that is taken now would be lost
  };
  return {
    ...(atOnce !== undefined && {
      [ready]() {
        for (;;) {
          if (stopped) return end;
          const next = atOnce();
          if (next === null) return null;
          const taken = takenOf(next, limits);
          if (taken !== null) return seen(taken);
        }
      },
    }),
    next() {
      if (stopped) return Promise.resolve(end);
      const next = new Promise<IteratorResult<CarriedDocument>>((resolve, reject) => {
        const giveUp = () => resolve(end);
        waiting.add(giveUp);
        const given = latest === null ? ask() : latest.then(ask);
        given.then(resolve, reject).then(() => waiting.delete(giveUp));
      });
      const answered = next.then(ignore, ignore).then(() => {
        if (latest === answered) latest = null;
      });
      latest = answered;
      return next;
    },
    async return() {
      signal.removeEventListener('abort', stop);
      await source.return?.();
      return end;
    },
  };
}

const ignore = () => {};
