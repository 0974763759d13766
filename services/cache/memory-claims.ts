import { claimPlaces, firstClaim } from './cache-facts.js';
import type { Claim, Claims } from './claims.js';
import { leadOf } from './key-table.js';

/**
 * The claims of a session whose workers are threads of one process, in memory that they share. A claim is one
 * word at a place that its key says: the document that has claimed it, a part of the key, and whether the
 * document is running or `ended`.
 *
 * 1. A worker looks a document up in what it has read of the store's index, and claims the key: it puts its
 *    word in place of a 0. Only the worker that runs the document, or the caller when that worker has ended,
 *    puts the 0 back.
 * 2. The worker marks the claim as `ended` when the task has its result. It writes results to the index
 *    together, then raises `writes`, and then frees their claims. So a worker that gets a claim and finds
 *    `writes` raised by others reads the index and looks once more: the result may have been written in
 *    between.
 * 3. A worker that does not get the claim sets `awaited` and looks again after a while. A worker that finds
 *    it set writes its results before its next document.
 * 4. A thread that ends takes results with it that are not written. The caller then frees all claims that are
 *    `ended`. Those of documents that it was running are freed as in `FileClaims`.
 * 5. A worker that computes for long writes its earlier results only afterwards. A worker that has seen a
 *    claim `ended` for `patienceMs` therefore takes it over, by its own word in place of the other, and runs
 *    the document. All others go on waiting.
 *
 * The place of a key may have the claim of another one. The document then runs without a claim. Two keys may
 * also have the same place and part (one pair in 2³¹): one of the documents then waits, and runs after the
 * other. Two documents may have the same part (one pair in 32,767): equal ones then both run.
 */
export class MemoryClaims implements Claims {
  readonly #words: Int32Array;
  /** The index was read when `writes` had this value, and only this worker has written since. */
  #read = 0;
  /** Claims, by place, that this worker waits for and has seen as `ended` since these times, ms. */
  readonly #seenEnded = new Map<number, { readonly word: number; readonly sinceMs: number }>();

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  get mayWait(): boolean {
    return Atomics.load(this.#words, at.awaited) === 0;
  }

  get isOff(): boolean {
    return Atomics.load(this.#words, at.off) === 1;
  }

  get isIndexNewer(): boolean {
    return Atomics.load(this.#words, at.writes) !== this.#read;
  }

  read(): void {}

  take(claim: Claim): boolean {
    const [word, place] = [wordOf(claim), placeOf(claim.key)];
    const found = Atomics.compareExchange(this.#words, place, 0, word);
    if (found === (word | ended)) {
      // The document runs again: its result was lost with its worker.
      Atomics.compareExchange(this.#words, place, found, word);
      return true;
    }
    return found === 0 || found === word || (found & keyBits) !== (word & keyBits);
  }

  isTaken(claim: Claim): boolean {
    const place = placeOf(claim.key);
    const word = Atomics.load(this.#words, place);
    const isTaken = word !== 0 && (word & keyBits) === keyPart(claim.key);
    if (isTaken) Atomics.store(this.#words, at.awaited, 1);
    if (!isTaken || (word & ended) === 0) {
      this.#seenEnded.delete(place);
      return isTaken;
    }
    const seen = this.#seenEnded.get(place);
    if (seen?.word !== word) {
      this.#seenEnded.set(place, { word, sinceMs: now() });
      return true;
    }
    if (now() - seen.sinceMs < patienceMs) return true;
    this.#seenEnded.delete(place);
    return Atomics.compareExchange(this.#words, place, word, wordOf(claim)) !== word;
  }

  holds(claim: Claim): boolean {
    return Atomics.load(this.#words, placeOf(claim.key)) === wordOf(claim);
  }

  ended(claim: Claim): void {
    const word = wordOf(claim);
    Atomics.compareExchange(this.#words, placeOf(claim.key), word, word | ended);
  }

  written(claim: Claim): void {
    const before = Atomics.add(this.#words, at.writes, 1);
    if (before === this.#read) this.#read++; // no other worker has written
    Atomics.store(this.#words, at.awaited, 0);
    this.end(claim);
  }

  end(claim: Claim): void {
    const place = placeOf(claim.key);
    const word = Atomics.load(this.#words, place);
    if ((word & ~ended) === wordOf(claim)) Atomics.compareExchange(this.#words, place, word, 0);
  }

  endOf(document: number): void {
    const part = documentPart(document);
    for (let place = firstClaim; place < this.#words.length; place++) {
      const word = this.#words[place] as number;
      if ((word & documentBits) === part) Atomics.compareExchange(this.#words, place, word, 0);
    }
  }

  endUnwritten(): void {
    for (let place = firstClaim; place < this.#words.length; place++) {
      const word = this.#words[place] as number;
      if ((word & ended) !== 0) Atomics.compareExchange(this.#words, place, word, 0);
    }
  }

  readIndex(read: () => readonly number[]): void {
    this.#read = Atomics.load(this.#words, at.writes);
    read();
  }

  turnOff(): boolean {
    return Atomics.exchange(this.#words, at.off, 1) === 0;
  }

  close(): void {}
}

/** A task may put a clock of its own into its place, as fake timers do. */
const now = performance.now.bind(performance);

/** Words before the claims, each alone in a cache line of the processor. */
const at = { writes: 0, awaited: 16, off: 32 } as const;

/** The bits of a claim: 16 of its key, 15 of its document, and one that says that this has ended. */
const keyBits = 0xffff;
const documentBits = 0x7fff_0000;
const ended = 0x8000_0000 | 0;

/** A claim is taken over that was seen as `ended` for this long, ms: much longer than results wait. */
const patienceMs = 500;

function placeOf(key: string): number {
  return firstClaim + (leadOf(key) & (claimPlaces - 1));
}

function keyPart(key: string): number {
  return key.charCodeAt(4) | (key.charCodeAt(5) << 8);
}

/** It is never 0, and so is no claim. */
function documentPart(document: number): number {
  return ((document % 0x7fff) + 1) << 16;
}

function wordOf({ key, document }: Claim): number {
  return documentPart(document) | keyPart(key);
}
