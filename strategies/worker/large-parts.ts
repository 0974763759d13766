import { types } from 'node:util';
import type { Results } from '../../workloads/workload.js';
import { isPlain } from './cloneable.js';

/** A part of at least this many bytes is moved to the caller's thread; the message copies smaller ones. */
export const movedBytes = 32_768;

/**
 * Large typed arrays and buffers of results, on their way to another thread. A message that clones them
 * copies them twice: into the message, and out of it on the caller's thread. Here the message moves them
 * instead. A task may keep what it returns and use it again for the next document, and moving would take it
 * away. So the worker copies each large part once and moves that copy. A task that exports
 * `results = 'move'` keeps nothing: its buffers are moved themselves, if the part is the whole of an ordinary
 * buffer.
 */
export class LargeParts {
  readonly #givesUp: boolean;
  readonly #buffers = new Set<ArrayBuffer>();

  constructor(results: Results) {
    this.#givesUp = results === 'move';
  }

  /** Returns the view that is sent in place of this one, and notes its buffer. */
  view(view: ArrayBufferView): ArrayBufferView {
    const own = this.#givesUp && isWhole(view) ? view : copyOfView(view);
    return this.#add(own.buffer as ArrayBuffer, own);
  }

  /** Returns the buffer that is sent in place of this one, and notes it. */
  buffer(buffer: ArrayBuffer): ArrayBuffer {
    const own = this.#givesUp ? buffer : buffer.slice(0);
    return this.#add(own, own);
  }

  /** Does the same for a result that is sent at once: for itself, or for the members of a plain object. */
  within(value: unknown): unknown {
    if (isLarge(value)) return this.#own(value);
    if (typeof value !== 'object' || value === null || types.isProxy(value)) return value;
    if (!isPlain(value, Object.getPrototypeOf(value))) return value;
    let copy: Record<string, unknown> | null = null;
    let owned: Map<unknown, unknown> | null = null; // a part that occurs twice stays one
    for (const key of Object.keys(value)) {
      const part = (value as Record<string, unknown>)[key];
      if (typeof part !== 'object' || !isLarge(part)) continue;
      copy ??= { ...value };
      owned ??= new Map();
      if (!owned.has(part)) owned.set(part, this.#own(part));
      copy[key] = owned.get(part);
    }
    return copy ?? value;
  }

  /** Returns the buffers noted since the last call, for the message that has them; null: there are none. */
  take(): ArrayBuffer[] | null {
    if (this.#buffers.size === 0) return null;
    const buffers = [...this.#buffers];
    this.#buffers.clear();
    return buffers;
  }

  #own(part: ArrayBuffer | ArrayBufferView): ArrayBuffer | ArrayBufferView {
    return ArrayBuffer.isView(part) ? this.view(part) : this.buffer(part);
  }

  #add<Part>(buffer: ArrayBuffer, part: Part): Part {
    this.#buffers.add(buffer);
    return part;
  }
}

/** Tells whether a part of a result is worth moving. */
export function isLarge(part: unknown): part is ArrayBuffer | ArrayBufferView {
  if (ArrayBuffer.isView(part)) return part.byteLength >= movedBytes;
  return types.isArrayBuffer(part) && part.byteLength >= movedBytes && !isResizable(part);
}

/** Returns a view of the same kind that is alone in its buffer. A Buffer becomes a Uint8Array. */
export function copyOfView(view: ArrayBufferView): ArrayBufferView {
  if (types.isUint8Array(view)) return new Uint8Array(view);
  if (!types.isDataView(view)) return (view as Float64Array).slice();
  return new DataView(new Uint8Array(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)).buffer);
}

/** Tells whether a view is the whole of an ordinary buffer. */
function isWhole({ buffer, byteLength }: ArrayBufferView): boolean {
  return types.isArrayBuffer(buffer) && !isResizable(buffer) && buffer.byteLength === byteLength;
}

/** A buffer that may change its size arrives as one, which a copy or a moved view would not. */
function isResizable(buffer: ArrayBuffer): boolean {
  return (buffer as { readonly resizable?: boolean }).resizable === true;
}
