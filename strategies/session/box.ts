import type { Document } from '../../workloads/workload.js';
import type { Documents } from '../strategy.js';

/**
 * Holds a document until it is taken. p-map keeps each item until its place gets the next one, which may be
 * long after the item's outcome; what it keeps is then an empty box.
 */
export class Box {
  #document: Document | null;

  constructor(document: Document) {
    this.#document = document;
  }

  take(): Document {
    const document = this.#document as Document;
    this.#document = null;
    return document;
  }
}

/** Returns the same documents, each in a box. A synchronous source stays synchronous. */
export function boxed(documents: Documents): Iterable<Box> | AsyncIterable<Box> {
  return Symbol.asyncIterator in documents
    ? { [Symbol.asyncIterator]: () => boxedLater(documents[Symbol.asyncIterator]()) }
    : { [Symbol.iterator]: () => boxedNow(documents[Symbol.iterator]()) };
}

function boxedNow(source: Iterator<Document>): Iterator<Box> {
  return {
    next: () => boxOf(source.next()),
    return: () => boxOf(source.return?.() ?? end),
  };
}

function boxedLater(source: AsyncIterator<Document>): AsyncIterator<Box> {
  return {
    next: () => source.next().then(boxOf),
    return: async () => boxOf((await source.return?.()) ?? end),
  };
}

const end: IteratorResult<Document> = { done: true, value: undefined };

function boxOf(next: IteratorResult<Document>): IteratorResult<Box> {
  return next.done ? next : { done: false, value: new Box(next.value) };
}
