import { type CarriedDocument, encoded, type ReferenceKind } from '../session/reference.js';
import { type ClaimTable, oversized } from './claim-table.js';
import { copyInto } from './copy-bytes.js';
import type { PulledDocument } from './feed.js';
import { WakeUps } from './wake-ups.js';

/** Shared memory that holds the documents' bytes, divided into slabs of equal size. */
export interface Arena {
  readonly memory: SharedArrayBuffer;
  readonly slabBytes: number;
  readonly slabsPerQueue: number;
}

/** A document that has been published and not yet reported. */
export interface PublishedDocument {
  readonly index: number;
  readonly id: string;
  readonly pulledMs: number;
  /** How a worker reads it from its bytes; undefined: they are its content. */
  readonly by: ReferenceKind | undefined;
  /** The slab that holds its bytes; null for an oversized document, which is kept in `document`. */
  readonly slab: number | null;
  readonly document: CarriedDocument | null;
  /** How often it has run without being reported. */
  runs: number;
  /** Number of workers that died while they were running it. */
  workersEnded: number;
}

/**
 * The caller's side of one queue: its slots, and its part of the arena. Documents are copied one after the
 * other into the open slab, until the next one does not fit. A slab is free again when the last of its
 * documents has been reported. The slab that became free last is filled next, because it may still be in the
 * processor's cache.
 *
 * Only the caller's thread uses this object. Workers read the same slots and slabs through the claim table,
 * which also describes the order of the writes (`claim-table.ts`).
 */
export class SlabQueue {
  readonly queue: number;
  readonly #table: ClaimTable;
  readonly #arena: Arena;
  readonly #bytes: Buffer;
  /** The published document in each slot, counted from the queue's first slot. */
  readonly #published: (PublishedDocument | null)[];
  readonly #firstSlot: number;
  #count = 0;
  readonly #freeSlots: number[];
  readonly #freeSlabs: number[];
  /** Counts, per slab, the documents that still occupy it. */
  readonly #inSlab: Int32Array;
  #slab: number;
  /** Number of bytes that are used in the open slab. */
  #used = 0;
  #oversizedBytes = 0;
  readonly #wakeUps = new WakeUps();
  /** Tickets that were published so far. */
  #tickets = 0;
  /** Running mean of their sizes, bytes. */
  #documentBytes = 0;

  constructor(table: ClaimTable, arena: Arena, queue: number) {
    this.queue = queue;
    this.#table = table;
    this.#arena = arena;
    this.#bytes = Buffer.from(arena.memory);
    const { slots, queues } = table.shape;
    this.#firstSlot = queue * slots;
    this.#published = new Array<PublishedDocument | null>(slots).fill(null);
    this.#freeSlots = countDown(this.#firstSlot, slots);
    this.#freeSlabs = countDown(queue * arena.slabsPerQueue, arena.slabsPerQueue);
    this.#inSlab = new Int32Array(queues * arena.slabsPerQueue);
    this.#slab = this.#freeSlabs.pop() as number;
  }

  /** Counts the documents published and not yet reported. */
  get count(): number {
    return this.#count;
  }

  /** Counts the documents published and not yet claimed. */
  get unclaimed(): number {
    return this.#table.unclaimed(this.queue);
  }

  /**
   * Copies the document and makes it available to workers; returns false when there is no room for it now.
   */
  publish({ document, pulledMs }: PulledDocument): boolean {
    if (this.#freeSlots.length === 0 || !this.#table.hasTicket(this.queue)) return false;
    const { index, id, by } = document;
    const given = givenOf(document);
    const reach = reachOf(given, id);
    if (reach > this.#arena.slabBytes) return this.#publishOversized(encoded(document), pulledMs);
    if (!this.#makeRoom(reach)) return false;
    const offset = this.#slab * this.#arena.slabBytes + this.#used;
    const size = this.#write(given, offset);
    const idBytes = this.#bytes.write(id, offset + size);
    this.#used += aligned(size + idBytes);
    (this.#inSlab[this.#slab] as number)++;
    this.#put(
      { index, id, pulledMs, by, slab: this.#slab, document: null, runs: 0, workersEnded: 0 },
      { offset, size, idBytes, index, by },
    );
    return true;
  }

  /**
   * Wakes sleeping workers if what waits for them is worth it.
   * @param taskMs tasks take about this long; null: unknown
   */
  announce(taskMs: number | null, nowMs: number): void {
    const due = this.#wakeUps.due(
      {
        published: this.#tickets,
        unclaimed: this.unclaimed,
        documentBytes: this.#documentBytes,
        taskMs,
      },
      nowMs,
    );
    if (due > 0) this.#table.wake(this.queue, due);
  }

  /** Wakes a sleeping worker for each document that waits, before the caller waits for something. */
  announceAll(): void {
    const due = this.#wakeUps.dueAtRest({ published: this.#tickets, unclaimed: this.unclaimed });
    if (due > 0) this.#table.wake(this.queue, due);
  }

  /** Frees the slot of a document that has its outcome, and returns the document. */
  remove(slot: number): PublishedDocument {
    const published = this.at(slot);
    this.#published[slot - this.#firstSlot] = null;
    this.#count--;
    this.#table.release(slot);
    this.#freeSlots.push(slot);
    if (published.document !== null) this.#oversizedBytes -= published.document.bytes.length;
    if (published.slab === null) return published;
    const left = --(this.#inSlab[published.slab] as number);
    if (left > 0) return published;
    if (published.slab === this.#slab) this.#used = 0;
    else this.#freeSlabs.push(published.slab);
    return published;
  }

  at(slot: number): PublishedDocument {
    return this.#published[slot - this.#firstSlot] as PublishedDocument;
  }

  /** Returns the slot of the document with this index; null when it is not published. */
  find(index: number): number | null {
    const place = this.#published.findIndex((published) => published?.index === index);
    return place < 0 ? null : this.#firstSlot + place;
  }

  /** Makes a document whose worker has died available to the other workers. */
  republish(slot: number): void {
    this.#table.publish(this.queue, slot);
    this.#tickets++;
  }

  /** Returns the slots that the worker had claimed and not reported. */
  slotsOf(worker: number): number[] {
    return this.slots().filter((slot) => this.#table.isOwner(slot, worker));
  }

  /** Returns the slots of all documents that are published and not yet reported. */
  slots(): number[] {
    return this.#published.flatMap((published, i) => (published === null ? [] : [this.#firstSlot + i]));
  }

  /**
   * Keeps the document in the caller's memory until a worker asks for it. The queue keeps as many bytes of
   * such documents as its part of the arena has, or a single document that is larger.
   */
  #publishOversized(document: CarriedDocument, pulledMs: number): boolean {
    const { index, id, by } = document;
    const size = document.bytes.length;
    const maxBytes = this.#arena.slabBytes * this.#arena.slabsPerQueue;
    if (this.#oversizedBytes > 0 && this.#oversizedBytes + size > maxBytes) return false;
    this.#oversizedBytes += size;
    this.#put(
      { index, id, pulledMs, by, slab: null, document, runs: 0, workersEnded: 0 },
      { offset: oversized, size, idBytes: 0, index, by },
    );
    return true;
  }

  #put(published: PublishedDocument, entry: Parameters<ClaimTable['write']>[1]): void {
    const slot = this.#freeSlots.pop() as number;
    this.#published[slot - this.#firstSlot] = published;
    this.#count++;
    this.#table.write(slot, entry);
    this.#documentBytes += (entry.size - this.#documentBytes) / 16;
    this.#table.publish(this.queue, slot);
    this.#tickets++;
  }

  /** Returns the number of bytes. */
  #write(given: string | Uint8Array, offset: number): number {
    if (typeof given === 'string') return this.#bytes.write(given, offset);
    copyInto(this.#bytes, given, offset);
    return given.length;
  }

  #makeRoom(reach: number): boolean {
    if (this.#used + reach <= this.#arena.slabBytes) return true;
    const slab = this.#freeSlabs.pop();
    if (slab === undefined) return false;
    // The previous slab still holds documents: an empty one would have been filled from its start again.
    this.#slab = slab;
    this.#used = 0;
    return true;
  }
}

/** The path of a document that is read in this process, or the document's bytes. */
function givenOf({ by, path, bytes }: CarriedDocument): string | Uint8Array {
  return by === 'path' && path !== undefined ? path : bytes;
}

/**
 * The largest number of bytes that the document may need. It does not depend on `document.size`, which may be
 * wrong, because the neighbours' bytes depend on it.
 */
function reachOf(given: string | Uint8Array, id: string): number {
  // A character takes at most three bytes in UTF-8.
  return (typeof given === 'string' ? 3 * given.length : aligned(given.length)) + 3 * id.length;
}

/** Rounds up to a multiple of 8: documents begin there, so that numbers of any type can be read in place. */
function aligned(bytes: number): number {
  return (bytes + 7) & ~7;
}

function countDown(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + count - 1 - i);
}
