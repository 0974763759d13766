/** Larger batches have a single document, and a buffer that is used once. */
const maxBytes = 4 * 2 ** 20;

/**
 * Buffers for batches, which are used again. V8 counts the bytes of every new buffer and collects
 * garbage after some tens of megabytes, so that a new buffer per batch took a third of the caller's CPU time,
 * and more of an agent's.
 */
export class BlobBuffers {
  /** All buffers that are used again have this size. */
  #bytes = 2 ** 12;
  #free: ArrayBuffer[] = [];

  /** Returns a buffer of this length, with any content. */
  take(length: number): Buffer {
    if (length > maxBytes) return Buffer.allocUnsafeSlow(length);
    if (length > this.#bytes) {
      while (this.#bytes < length) this.#bytes *= 2;
      this.#free = [];
    }
    return Buffer.from(this.#free.pop() ?? new ArrayBuffer(this.#bytes), 0, length);
  }

  /** Takes a buffer back that nothing reads or writes any more. */
  give({ buffer }: Uint8Array): void {
    if (buffer.byteLength === this.#bytes) this.#free.push(buffer as ArrayBuffer);
  }
}
