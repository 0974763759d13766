import type { DocumentLine } from './line.js';

/** Lines that wait for an earlier document may have this many characters together. */
const maxWaiting = 32 * 2 ** 20;
/** Documents in front of which another one has no line yet may be this many. */
const maxDocuments = 65_536;

export interface InputOrderOptions {
  readonly maxWaiting?: number;
  readonly maxDocuments?: number;
}

interface Place {
  line: DocumentLine | null;
}

/**
 * Gives the lines of documents on in the order in which the documents were pulled. A document that takes long
 * holds the lines of later ones back, and these are limited: while there are too many, `isFull` says that
 * no further document should be pulled.
 */
export class InputOrder {
  readonly #write: (line: DocumentLine) => void;
  readonly #maxWaiting: number;
  readonly #maxDocuments: number;
  /** The oldest document without a line, and all after it. */
  #places: Place[] = [];
  /** Places at the begin of the array whose lines were given on. */
  #over = 0;
  /** The places of documents in progress, by the index of their outcome. */
  readonly #running = new Map<number, Place>();
  #nextIndex = 0;
  #waiting = 0;
  #listeners: (() => void)[] = [];
  #isReleased = false;

  constructor(
    write: (line: DocumentLine) => void,
    { maxWaiting: waiting = maxWaiting, maxDocuments: documents = maxDocuments }: InputOrderOptions = {},
  ) {
    this.#write = write;
    this.#maxWaiting = waiting;
    this.#maxDocuments = documents;
  }

  /** True when no further document should be pulled. */
  get isFull(): boolean {
    if (this.#isReleased) return false;
    return this.#waiting >= this.#maxWaiting || this.#places.length - this.#over >= this.#maxDocuments;
  }

  /** Resolves when it is not full any more, and on `release`. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#listeners.push(resolve));
  }

  /** A document was pulled; its outcome has the next index. */
  pulled(): void {
    const place = { line: null };
    this.#running.set(this.#nextIndex++, place);
    this.#places.push(place);
  }

  /** A document was found that does not run, and has its line already. */
  found(line: DocumentLine): void {
    this.#places.push({ line });
    this.#waiting += line.line.length;
    this.#giveOn();
  }

  /** A document that was pulled has its line. */
  add(index: number, line: DocumentLine): void {
    const place = this.#running.get(index);
    if (place === undefined) throw new Error(`expected a document in progress, got index ${index}`);
    this.#running.delete(index);
    place.line = line;
    this.#waiting += line.line.length;
    this.#giveOn();
  }

  /** Nothing is pulled any more, so nothing needs to be held back. */
  release(): void {
    this.#isReleased = true;
    this.#callBack();
  }

  #callBack(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  #giveOn(): void {
    for (let line = this.#places[this.#over]?.line; line != null; line = this.#places[this.#over]?.line) {
      this.#over++;
      this.#waiting -= line.line.length;
      this.#write(line);
    }
    if (this.#over > 1024) {
      this.#places.splice(0, this.#over);
      this.#over = 0;
    }
    if (this.#listeners.length > 0 && !this.isFull) this.#callBack();
  }
}
