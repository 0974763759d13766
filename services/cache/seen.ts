import { DefaultSerializer } from 'node:v8';
import { type Document, unwatched } from '../../workloads/workload.js';
import { exactJson } from './exact-json.js';
import { timeSize } from './store.js';

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
    const copy = this.#copy;
    if (copy !== null) {
      const json = exactJson(copy.value);
      if (json === null) this.result(copy.value);
      else this.#bytes = textBytes(json);
      this.#copy = null;
    }
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

  /**
   * Returns the same document; notes what is read of it. All documents have the same two accessors: it takes
   * the engine four times as long to make some for each document.
   */
  watched({ index, id, size, bytes }: Document): Document {
    const watched: Watched = { [unwatched]: { index, id, seen: this } };
    Object.defineProperty(watched, 'index', accessors.index);
    Object.defineProperty(watched, 'id', accessors.id);
    return Object.assign(watched, { size, bytes }) as unknown as Document;
  }
}

interface Watched {
  readonly [unwatched]: { index: number; id: string; readonly seen: Seen };
}

const accessors = {
  index: accessor('index', (seen) => {
    seen.isUnique = true;
  }),
  id: accessor('id', (seen) => {
    seen.id = true;
  }),
};

function accessor<Name extends 'index' | 'id'>(name: Name, note: (seen: Seen) => void): PropertyDescriptor {
  return {
    get(this: Watched) {
      note(this[unwatched].seen);
      return this[unwatched][name];
    },
    set(this: Watched, value: Watched[typeof unwatched][Name]) {
      this[unwatched][name] = value;
    },
    enumerable: true,
    configurable: true,
  };
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

function textBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(timeSize + Buffer.byteLength(text));
  bytes.write(text, timeSize);
  return bytes;
}
