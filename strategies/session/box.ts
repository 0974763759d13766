import type { CarriedDocument, CarriedDocuments } from './reference.js';

/**
 * Holds a document until it is taken. p-map keeps each item until its place gets the next one, which may be
 * long after the item's outcome; what it keeps is then an empty box.
 */
export class Box {
  #document: CarriedDocument | null;

  constructor(document: CarriedDocument) {
    this.#document = document;
  }

  take(): CarriedDocument {
    const document = this.#document as CarriedDocument;
    this.#document = null;
    return document;
  }
}

/** Returns the same documents, each in a box. A synchronous source stays synchronous. */
export function boxed(documents: CarriedDocuments): Iterable<Box> | AsyncIterable<Box> {
  return Symbol.asyncIterator in documents
    ? { [Symbol.asyncIterator]: () => boxedLater(documents[Symbol.asyncIterator]()) }
    : { [Symbol.iterator]: () => boxedNow(documents[Symbol.iterator]()) };
}

function boxedNow(source: Iterator<CarriedDocument>): Iterator<Box> {
  return {
    next: () => boxOf(source.next()),
    return: () => boxOf(source.return?.() ?? end),
  };
}

function boxedLater(source: AsyncIterator<CarriedDocument>): AsyncIterator<Box> {
  return {
    next: () => source.next().then(boxOf),
    return: async () => boxOf((await source.return?.()) ?? end),
  };
}

const end: IteratorResult<CarriedDocument> = { done: true, value: undefined };

function boxOf(next: IteratorResult<CarriedDocument>): IteratorResult<Box> {
  return next.done ? next : { done: false, value: new Box(next.value) };
}
