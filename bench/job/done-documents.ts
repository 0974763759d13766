import type { FileState } from '../../workloads/read-file.js';
import type { LineRecord, Status } from './line.js';

/** A document that has a line has one of these states; `again` says that it is to run again. */
const states = ['ok', 'failed', 'timed-out', 'crashed', 'again'] as const satisfies readonly (
  | Status
  | 'again'
)[];

/** A first table has this number of places. */
const firstPlaces = 1024;
const firstBytes = 64 * 1024;

/** Marks of a document, as bits. */
const isFallback = 1;
const isThere = 2;

/**
 * The documents that had a line when the job resumed, by id. There may be millions, and an object for each
 * would take several times the memory: ids are in one buffer, one after the other, and everything else is in
 * arrays of numbers. An id is compared as a whole, so no document is taken for another one.
 */
export class DoneDocuments {
  #size = 0;
  /** The ids as UTF-8, in the order of their places. */
  #ids = Buffer.allocUnsafeSlow(firstBytes);
  #idsLength = 0;
  /** Each id ends here in `#ids`, and the next one begins. */
  #ends = new Float64Array(firstPlaces);
  /** NaN where the state of the file is unknown. */
  #sizes = new Float64Array(firstPlaces);
  #mtimesMs = new Float64Array(firstPlaces);
  #states = new Uint8Array(firstPlaces);
  #marks = new Uint8Array(firstPlaces);
  /** A hash table with open addressing: the place of a document and 1, or 0 where there is none. */
  #table = new Int32Array(2 * firstPlaces);

  get size(): number {
    return this.#size;
  }

  /** Adds the document of a line; a later line of the same document takes the place of an earlier one. */
  add(line: Pick<LineRecord, 'id' | 'status' | 'source'> & { isFallback?: boolean }): void {
    const { id, status, source } = line;
    const length = this.#write(id);
    const slot = this.#slotOf(length);
    let place = (this.#table[slot] as number) - 1;
    if (place < 0) {
      place = this.#size++;
      this.#idsLength += length;
      this.#ends[place] = this.#idsLength;
      this.#table[slot] = place + 1;
    }
    this.#sizes[place] = source?.size ?? Number.NaN;
    this.#mtimesMs[place] = source?.mtimeMs ?? Number.NaN;
    this.#states[place] = states.indexOf(status);
    this.#marks[place] = line.isFallback === true ? isFallback : 0;
    if (this.#size === this.#ends.length) this.#grow();
  }

  /** The place of a document that has a line, for the methods below; null when it has none. */
  find(id: string): number | null {
    if (this.#size === 0) return null;
    const place = (this.#table[this.#slotOf(this.#write(id))] as number) - 1;
    return place < 0 ? null : place;
  }

  stateAt(place: number): (typeof states)[number] {
    return states[this.#states[place] as number] as (typeof states)[number];
  }

  /** The document is to run again. */
  markAgain(place: number): void {
    this.#states[place] = states.indexOf('again');
  }

  /** The document still exists. */
  markThere(place: number): void {
    this.#marks[place] = (this.#marks[place] as number) | isThere;
  }

  isThereAt(place: number): boolean {
    return ((this.#marks[place] as number) & isThere) !== 0;
  }

  /** The document has the value of the fallback. */
  isFallbackAt(place: number): boolean {
    return ((this.#marks[place] as number) & isFallback) !== 0;
  }

  /** The file of the document had this state when it was read; null where that is unknown. */
  sourceAt(place: number): FileState | null {
    const size = this.#sizes[place] as number;
    return Number.isNaN(size) ? null : { size, mtimeMs: this.#mtimesMs[place] as number };
  }

  /** Writes an id behind the last one, where it may stay. @returns its length, bytes */
  #write(id: string): number {
    const needed = this.#idsLength + 3 * id.length;
    if (needed > this.#ids.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#ids.length));
      this.#ids.copy(larger, 0, 0, this.#idsLength);
      this.#ids = larger;
    }
    return this.#ids.write(id, this.#idsLength);
  }

  /** The slot of the id that was written last: that of an equal one, or an empty one. */
  #slotOf(length: number): number {
    const from = this.#idsLength;
    const mask = this.#table.length - 1;
    for (let slot = hashOf(this.#ids, from, length) & mask; ; slot = (slot + 1) & mask) {
      const place = (this.#table[slot] as number) - 1;
      if (place < 0) return slot;
      const begin = place === 0 ? 0 : (this.#ends[place - 1] as number);
      const end = this.#ends[place] as number;
      if (end - begin === length && this.#ids.compare(this.#ids, begin, end, from, from + length) === 0)
        return slot;
    }
  }

  #grow(): void {
    const places = 2 * this.#ends.length;
    this.#ends = copied(this.#ends, new Float64Array(places));
    this.#sizes = copied(this.#sizes, new Float64Array(places));
    this.#mtimesMs = copied(this.#mtimesMs, new Float64Array(places));
    this.#states = copied(this.#states, new Uint8Array(places));
    this.#marks = copied(this.#marks, new Uint8Array(places));
    this.#table = new Int32Array(2 * places);
    const mask = this.#table.length - 1;
    for (let place = 0, begin = 0; place < this.#size; place++) {
      const end = this.#ends[place] as number;
      let slot = hashOf(this.#ids, begin, end - begin) & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = place + 1;
      begin = end;
    }
  }
}

function copied<Numbers extends Float64Array | Uint8Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}

/** FNV-1a, whose last step mixes the high bits into the low ones, which choose the slot. */
function hashOf(bytes: Buffer, from: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < from + length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}
