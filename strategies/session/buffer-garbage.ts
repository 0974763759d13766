import { versions } from 'node:process';
import { getHeapStatistics } from 'node:v8';

/** V8 up to 12 (Node 22) collects young objects when a thread's young buffers have this many bytes. */
const youngLimit = 2 ** 25;
/** Later versions collect the whole heap instead. */
const collectsAll = Number.parseInt(versions.v8, 10) > 12;

/**
 * Frees the buffers of this thread that no code uses any more, before they are many. V8 lets each thread keep
 * 32 MB of them, and later versions 64 MB. A session with a thread per stage would have more of them than
 * its queues may hold.
 *
 * V8 collects when it is asked for a buffer while buffers have reached its limit. So a buffer of that size
 * brings the collection forward. Nothing writes to it, so the system never gives it memory. A young
 * collection takes well under a millisecond, and the memory that it frees is used again while it is in the
 * processor's cache.
 *
 * A young collection frees a buffer only if no old object leads to it, even one that is garbage itself. So
 * an object that has waited long must not keep the values that it has passed on.
 */
export class BufferGarbage {
  readonly #limit: number;
  /** The least that was seen since the last collection. */
  #floor = Number.POSITIVE_INFINITY;

  /** @param limit buffers may grow by this many bytes before they are collected */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Collects if buffers have grown to the limit. It costs a fifth of a microsecond where they have not. */
  look(): void {
    const { external_memory: found, used_heap_size: heap } = getHeapStatistics();
    this.#floor = Math.min(this.#floor, found);
    // Collecting a whole heap takes time by its size, so it should free as much.
    const limit = collectsAll ? Math.max(this.#limit, heap) : this.#limit;
    if (found - this.#floor < limit) return;
    void new ArrayBuffer(youngLimit + 4096);
    void new ArrayBuffer(1);
    this.#floor = Number.POSITIVE_INFINITY;
  }
}
