import { types } from 'node:util';
import type { Results } from '../../workloads/workload.js';
import type { FiledPart } from '../processes/result-file.js';
import { isPlain } from './cloneable.js';

/** A part of at least this many bytes travels beside the message; the message copies smaller ones. */
export const largeBytes = 32_768;

export type LargePart = ArrayBuffer | ArrayBufferView;

/** The members of a reply that say how large parts of its value travel. */
export interface PartsOfReply {
  moved?: readonly ArrayBuffer[];
  filed?: readonly FiledPart[];
}

/** Large typed arrays and buffers of results, on their way out of a worker. */
export interface LargeParts {
  /** A part of at least this many bytes is large. Absent: `largeBytes`. */
  readonly minBytes?: number;
  /**
   * Returns what is sent in place of the part: a copy, the part itself, or an object in its place. Null: it
   * cannot be carried, and travels like the rest of the result.
   */
  take(part: LargePart): object | null;
  /** Notes the parts that were taken since the last call in the reply that has them. */
  note(reply: PartsOfReply): void;
  /** Forgets the parts that were taken since then: they are not sent. */
  forget(): void;
}

/**
 * Moves large parts to another thread. A message that clones them copies them twice: into the message, and
 * out of it on the caller's thread. Here the message moves them instead. A task may keep what it returns and
 * use it again for the next document, and moving would take it away. So the worker copies each large part
 * once and moves that copy. A task that exports `results = 'move'` keeps nothing: its buffers are moved
 * themselves, if the part is the whole of an ordinary buffer.
 */
export class MovedParts implements LargeParts {
  readonly minBytes: number;
  readonly #givesUp: boolean;
  #buffers: ArrayBuffer[] = [];

  constructor(results: Results, minBytes = largeBytes) {
    this.#givesUp = results === 'move';
    this.minBytes = minBytes;
  }

  take(part: LargePart): LargePart {
    const own = ArrayBuffer.isView(part) ? this.#view(part) : this.#givesUp ? part : part.slice(0);
    const buffer = (ArrayBuffer.isView(own) ? own.buffer : own) as ArrayBuffer;
    if (!this.#buffers.includes(buffer)) this.#buffers.push(buffer);
    return own;
  }

  note(reply: PartsOfReply): void {
    if (this.#buffers.length === 0) return;
    reply.moved = this.#buffers;
    this.#buffers = [];
  }

  forget(): void {
    if (this.#buffers.length > 0) this.#buffers = [];
  }

  #view(view: ArrayBufferView): ArrayBufferView {
    return this.#givesUp && isWhole(view) ? view : copyOfView(view);
  }
}

/** Takes the large parts of a result that is sent at once: itself, or the members of a plain object. */
export function withoutLargeParts(value: unknown, large: LargeParts): unknown {
  if (isLarge(value, large.minBytes)) return large.take(value) ?? value;
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return value;
  if (!isPlain(value, Object.getPrototypeOf(value))) return value;
  let copy: Record<string, unknown> | null = null;
  let taken: Map<unknown, unknown> | null = null; // a part that occurs twice stays one
  for (const key of Object.keys(value)) {
    const part = (value as Record<string, unknown>)[key];
    if (typeof part !== 'object' || !isLarge(part, large.minBytes)) continue;
    copy ??= { ...value };
    taken ??= new Map();
    if (!taken.has(part)) taken.set(part, large.take(part) ?? part);
    copy[key] = taken.get(part);
  }
  return copy ?? value;
}

/** Tells whether a part of a result is large enough to travel beside the message. */
export function isLarge(part: unknown, minBytes = largeBytes): part is LargePart {
  if (ArrayBuffer.isView(part)) return part.byteLength >= minBytes;
  return types.isArrayBuffer(part) && part.byteLength >= minBytes && !isResizable(part);
}

/** Returns a view of the same kind that is alone in its buffer. A Buffer becomes a Uint8Array. */
export function copyOfView(view: ArrayBufferView): ArrayBufferView {
  if (types.isUint8Array(view)) return new Uint8Array(view);
  if (!types.isDataView(view)) return (view as Float64Array).slice();
  return new DataView(new Uint8Array(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)).buffer);
}

/** Tells whether a view is the whole of an ordinary buffer. */
function isWhole({ buffer, byteLength }: ArrayBufferView): boolean {
  const isOrdinary = buffer instanceof ArrayBuffer || types.isArrayBuffer(buffer);
  return isOrdinary && !isResizable(buffer) && buffer.byteLength === byteLength;
}

/** A buffer that may change its size arrives as one, which a copy or a moved view would not. */
function isResizable(buffer: ArrayBuffer): boolean {
  return (buffer as { readonly resizable?: boolean }).resizable === true;
}
