import { DefaultSerializer } from 'node:v8';
import { type Document, unwatchedId } from '../../workloads/workload.js';

/** Notes what a task uses of its document while it runs, and its result as bytes. */
export class Seen {
  /** The task has read the document's `id`, or `context.key`, which is made of it. */
  id = false;
  /** The task has read the document's `index`, or has asked or heard its caller: the result is not kept. */
  isUnique = false;
  #bytes: Buffer | null = null;
  /** A result that is serialized when its bytes are read. */
  #copy: { readonly value: unknown } | null = null;

  /** True when the task has a result, which may be kept. */
  get hasResult(): boolean {
    return !this.isUnique && (this.#bytes !== null || this.#copy !== null);
  }

  /** True as long as the result is a copy that is not serialized yet. */
  get isCopy(): boolean {
    return this.#copy !== null;
  }

  /** The result as it was when the task ended, as `NewResult` has it; null when it cannot be kept. */
  get bytes(): Buffer | null {
    if (this.#copy !== null) this.result(this.#copy.value);
    return this.isUnique ? null : this.#bytes;
  }

  /** Serializes the result at once: the task may go on to change it. */
  result(value: unknown): void {
    this.#copy = null;
    try {
      this.#bytes = serialized(value);
    } catch {
      this.#bytes = null; // the document fails for the same reason, or the value is more than data
    }
  }

  /** Likewise, for a copy of the result that nothing changes: it is serialized when it is written. */
  copy(value: unknown): void {
    this.#copy = { value };
  }

  /** Returns the same document; notes what is read of it. */
  watched(document: Document): Document & { readonly [unwatchedId]: string } {
    let { id, index } = document;
    const seen = this;
    return {
      get index() {
        seen.isUnique = true;
        return index;
      },
      set index(value) {
        index = value;
      },
      get id() {
        seen.id = true;
        return id;
      },
      set id(value) {
        id = value;
      },
      get [unwatchedId]() {
        return id;
      },
      size: document.size,
      bytes: document.bytes,
    };
  }
}

/**
 * Does what `v8.serialize` does, after 8 free bytes (see `NewResult`). Their number is even, because the
 * format aligns texts to two bytes.
 */
function serialized(value: unknown): Buffer {
  const writer = new DefaultSerializer();
  writer.writeDouble(0);
  writer.writeHeader();
  writer.writeValue(value);
  return writer.releaseBuffer();
}
