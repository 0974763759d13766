/**
 * Finds the places of keys. It keeps 16 bytes per key, and not the keys: a place that it finds may be that of
 * another key, which the caller rules out.
 */
export class KeyTable {
  /** Entry numbers from 1 on; 0 where the slot is free. */
  #slots = new Uint32Array(firstSlots);
  #tags = new Uint32Array(firstSlots / 2);
  #places = new Float64Array(firstSlots / 2);
  #count = 0;

  /** @param entry begins with its key, whose bytes are random, as those of a hash */
  add(entry: Buffer, place: number): void {
    if (this.#count === this.#tags.length) this.#grow();
    const number = this.#count++;
    this.#tags[number] = entry.readUInt32LE(0);
    this.#places[number] = place;
    this.#put(number);
  }

  /**
   * Calls `isIt` with each place that may be the key's, the latest first, until it returns true.
   * @param key the bytes of the key, as characters
   */
  find(key: string, isIt: (place: number) => boolean): boolean {
    const tag = leadOf(key);
    const mask = this.#slots.length - 1;
    const found: number[] = [];
    for (let slot = tag & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] as number;
      if (number === 0) break;
      if (this.#tags[number - 1] === tag) found.push(this.#places[number - 1] as number);
    }
    return found.reverse().some(isIt);
  }

  #put(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = (this.#tags[entry] as number) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const tags = new Uint32Array(this.#tags.length * 2);
    const places = new Float64Array(this.#places.length * 2);
    tags.set(this.#tags);
    places.set(this.#places);
    this.#tags = tags;
    this.#places = places;
    for (let entry = 0; entry < this.#count; entry++) this.#put(entry);
  }
}

/** The first four bytes of a key, whose bytes are these characters, as a number. */
export function leadOf(key: string): number {
  return (
    (key.charCodeAt(0) | (key.charCodeAt(1) << 8) | (key.charCodeAt(2) << 16) | (key.charCodeAt(3) << 24)) >>>
    0
  );
}

const firstSlots = 1024;
