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
 * 4. A thread that ends takes results with it that are not written. Their documents have their outcomes, so
 *    no worker runs them again. A worker that waits for a claim that remains `ended` for `patienceMs` frees
 *    it.
 *
 * The place of a key may have the claim of another one. The document then runs without a claim. Two keys may
 * also have the same place and part (one pair in 2³¹): one of the documents then waits, and runs after the
 * other. A thread that ends while it runs a document leaves its claim behind, as in `FileClaims`.
 */
export class MemoryClaims implements Claims {
  readonly #words: Int32Array;
  /** The index was read when `writes` had this value, and only this worker has written since. */
  #read = 0;
  /** Claims were first seen as `ended` at these times, ms. */
  readonly #endedMs = new Map<number, number>();

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
    const word = wordOf(claim);
    const found = Atomics.compareExchange(this.#words, placeOf(claim.key), 0, word);
    return found === 0 || (found & ~ended) === word || (found & keyBits) !== (word & keyBits);
  }

  isTaken(key: string): boolean {
    const place = placeOf(key);
    const word = Atomics.load(this.#words, place);
    if (word !== 0 && (word & keyBits) === keyPart(key)) {
      Atomics.store(this.#words, at.awaited, 1);
      if ((word & ended) === 0) return true;
      const nowMs = now();
      const sinceMs = this.#endedMs.get(place) ?? nowMs;
      this.#endedMs.set(place, sinceMs);
      if (nowMs - sinceMs < patienceMs) return true;
      Atomics.compareExchange(this.#words, place, word, 0);
    }
    this.#endedMs.delete(place);
    return false;
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

/** A claim whose result is not written for this long, ms, is given up. */
const patienceMs = 1000;

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
