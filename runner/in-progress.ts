import type { Receiver } from './pending.js';

/** What the exchange knows of a document that the session has. */
export interface Entry {
  /** The document's index in the session's run; -1 while the entry is free. */
  index: number;
  /** Gets the outcome; null for a document that was cancelled. */
  receiver: Receiver | null;
  /** The document's place in its own source, from 0. */
  place: number;
  /** The runner holds this many bytes of it. */
  bytes: number;
  /** Time that it waited until the session took it, milliseconds. */
  waitedMs: number;
  /** Its file was changed at this time, ms since 1970; null where the runner has read none. */
  mtimeMs: number | null;
}

/** More entries than a session usually has documents; a power of two. */
const size = 4096;

/**
 * The documents that the session has. The session's indexes follow each other, so the entries are a ring:
 * nothing is created per document, and no key is looked up. A document that is still in progress 4,096
 * documents later makes room in the ring and goes on in a map.
 */
export class InProgress {
  readonly #ring: Entry[] = [];
  readonly #late = new Map<number, Entry>();
  #count = 0;

  /** Documents that the session has. */
  get count(): number {
    return this.#count;
  }

  /** @param index one more than that of the document before */
  add(
    index: number,
    receiver: Receiver,
    { place, bytes, waitedMs, mtimeMs }: Pick<Entry, 'place' | 'bytes' | 'waitedMs' | 'mtimeMs'>,
  ): void {
    const entry = this.#free(index % size);
    entry.index = index;
    entry.receiver = receiver;
    entry.place = place;
    entry.bytes = bytes;
    entry.waitedMs = waitedMs;
    entry.mtimeMs = mtimeMs;
    this.#count++;
  }

  /** The entry of a document; null when the session does not have it. */
  at(index: number): Entry | null {
    const entry = this.#ring[index % size];
    return entry?.index === index ? entry : (this.#late.get(index) ?? null);
  }

  /** Removes a document; its entry is used again for a later one. */
  remove(entry: Entry): void {
    if (this.#late.size > 0) this.#late.delete(entry.index);
    entry.index = -1;
    entry.receiver = null; // it may hold the bytes of a document
    this.#count--;
  }

  /** Removes all documents. Returns the receivers of their outcomes. */
  empty(): Receiver[] {
    const receivers: Receiver[] = [];
    for (const entry of [...this.#late.values(), ...this.#ring]) {
      if (entry.index < 0) continue;
      if (entry.receiver !== null) receivers.push(entry.receiver);
      this.remove(entry);
    }
    return receivers;
  }

  #free(slot: number): Entry {
    const entry = this.#ring[slot];
    if (entry !== undefined && entry.index < 0) return entry;
    if (entry !== undefined) this.#late.set(entry.index, entry);
    const created: Entry = { index: -1, receiver: null, place: 0, bytes: 0, waitedMs: 0, mtimeMs: null };
    this.#ring[slot] = created;
    return created;
  }
}
