import type { Document } from '../../workloads/workload.js';
import { type Control, loose } from './claim-table.js';
import type { Pulled } from './feed.js';

/** Shared memory for documents' bytes, in slabs of equal size. */
export interface Arena {
  readonly memory: SharedArrayBuffer;
  readonly slabBytes: number;
  readonly slabsPerQueue: number;
}

/** A document that has been published and not yet reported. */
export interface Standing {
  readonly index: number;
  readonly id: string;
  readonly pulledMs: number;
  /** The slab its bytes lie in; null for a document that is too large for one, which is kept in `document`. */
  readonly slab: number | null;
  readonly document: Document | null;
  /** Workers that have ended when they had finished it and not yet reported. */
  deaths: number;
  /** Workers that have ended with it in their hands. */
  crashes: number;
}

/**
 * The caller's side of one queue: its slots, and its part of the arena. Documents are copied into the slab that is
 * open, one behind the other, until the next does not fit; a slab is free again when the last of its documents is
 * done. The slab that became free last is filled next: it may still be in the processor's cache.
 */
export class Bay {
  readonly queue: number;
  readonly #control: Control;
  readonly #arena: Arena;
  readonly #bytes: Buffer;
  /** By slot, from the queue's first one on. */
  readonly #standing: (Standing | null)[];
  readonly #firstSlot: number;
  #count = 0;
  readonly #freeSlots: number[];
  readonly #freeSlabs: number[];
  /** Documents that still stand in each slab. */
  readonly #inSlab: Int32Array;
  #slab: number;
  /** Bytes used of the open slab. */
  #used = 0;
  #looseBytes = 0;
  #unannounced = 0;

  constructor(control: Control, arena: Arena, queue: number) {
    this.queue = queue;
    this.#control = control;
    this.#arena = arena;
    this.#bytes = Buffer.from(arena.memory);
    const { slots, queues } = control.shape;
    this.#firstSlot = queue * slots;
    this.#standing = new Array<Standing | null>(slots).fill(null);
    this.#freeSlots = countDown(this.#firstSlot, slots);
    this.#freeSlabs = countDown(queue * arena.slabsPerQueue, arena.slabsPerQueue);
    this.#inSlab = new Int32Array(queues * arena.slabsPerQueue);
    this.#slab = this.#freeSlabs.pop() as number;
  }

  /** Documents published and not yet reported. */
  get standing(): number {
    return this.#count;
  }

  /** Copies the document and puts it before the workers; false when there is no room for it now. */
  publish({ document, pulledMs }: Pulled): boolean {
    if (this.#freeSlots.length === 0 || !this.#control.hasTicket(this.queue)) return false;
    const { index, id } = document;
    const size = document.bytes.length; // and not what the document says of itself: its neighbours depend on it
    const reach = aligned(size) + 3 * id.length; // as many bytes as UTF-8 may need
    if (reach > this.#arena.slabBytes) return this.#publishLoose(document, pulledMs);
    if (!this.#makeRoom(reach)) return false;
    const offset = this.#slab * this.#arena.slabBytes + this.#used;
    this.#bytes.set(document.bytes, offset);
    const idBytes = this.#bytes.write(id, offset + size);
    this.#used += aligned(size + idBytes);
    (this.#inSlab[this.#slab] as number)++;
    this.#put(
      { index, id, pulledMs, slab: this.#slab, document: null, deaths: 0, crashes: 0 },
      { offset, size, idBytes, index },
    );
    return true;
  }

  /** Tells sleeping workers of what has been published since they were last told. */
  announce(): void {
    if (this.#unannounced === 0) return;
    this.#control.wake(this.queue, this.#unannounced);
    this.#unannounced = 0;
  }

  /** A worker has reported the document, or ended with it: the slot is free for another. */
  take(slot: number): Standing {
    const standing = this.look(slot);
    this.#standing[slot - this.#firstSlot] = null;
    this.#count--;
    this.#control.release(slot);
    this.#freeSlots.push(slot);
    if (standing.document !== null) this.#looseBytes -= standing.document.bytes.length;
    if (standing.slab === null) return standing;
    const left = --(this.#inSlab[standing.slab] as number);
    if (left > 0) return standing;
    if (standing.slab === this.#slab) this.#used = 0;
    else this.#freeSlabs.push(standing.slab);
    return standing;
  }

  look(slot: number): Standing {
    return this.#standing[slot - this.#firstSlot] as Standing;
  }

  /** Puts a document before the workers again whose worker has ended. */
  again(slot: number): void {
    this.#control.publish(this.queue, slot);
    this.#unannounced++;
  }

  /** What the worker had claimed and not reported. */
  slotsOf(worker: number): number[] {
    return this.slots().filter((slot) => this.#control.isOwner(slot, worker));
  }

  /** Of all documents that are published and not yet reported. */
  slots(): number[] {
    return this.#standing.flatMap((standing, i) => (standing === null ? [] : [this.#firstSlot + i]));
  }

  /** Kept in the caller's memory until a worker asks for it, as many as would fill the bay's part of the arena, or one. */
  #publishLoose(document: Document, pulledMs: number): boolean {
    const { index, id } = document;
    const size = document.bytes.length;
    const most = this.#arena.slabBytes * this.#arena.slabsPerQueue;
    if (this.#looseBytes > 0 && this.#looseBytes + size > most) return false;
    this.#looseBytes += size;
    this.#put(
      { index, id, pulledMs, slab: null, document, deaths: 0, crashes: 0 },
      { offset: loose, size, idBytes: 0, index },
    );
    return true;
  }

  #put(standing: Standing, entry: Parameters<Control['write']>[1]): void {
    const slot = this.#freeSlots.pop() as number;
    this.#standing[slot - this.#firstSlot] = standing;
    this.#count++;
    this.#control.write(slot, entry);
    this.#control.publish(this.queue, slot);
    this.#unannounced++;
  }

  #makeRoom(reach: number): boolean {
    if (this.#used + reach <= this.#arena.slabBytes) return true;
    const slab = this.#freeSlabs.pop();
    if (slab === undefined) return false;
    this.#slab = slab; // the one left behind still has documents in it: without any it would have been begun anew
    this.#used = 0;
    return true;
  }
}

/** Documents begin at multiples of 8 bytes, so that numbers of any type can be read in place. */
function aligned(bytes: number): number {
  return (bytes + 7) & ~7;
}

function countDown(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + count - 1 - i);
}
