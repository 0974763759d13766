import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { readRegion } from './regions.js';

/**
 * Large parts of results travel from a worker process to its caller through a file, because a message copies
 * them several times and moves 64 KB a turn. Here a part is copied twice: the worker writes it, and the
 * caller reads it. Nothing is moved between processes.
 *
 * Each worker has a file of its own, without a name, in memory where there is a folder for that. It opens the
 * file for its first large part, which still travels in the message, and offers it (`FileOffer`). The caller
 * opens the same file through `/proc` and accepts it with a word in the file's head. After that, the worker
 * writes each large part to a free place of the file. The message has an empty object where the part was,
 * and the list of the parts (`FiledPart`).
 *
 * The caller reads parts in the order of the messages that name them, and counts them in the file's head. A
 * place is free again when its part is counted. A part that finds no place travels in the message. So does
 * every part where the file cannot be opened, on either side, and on systems without `/proc`.
 *
 * A part is only named after it was written. A worker that ends before has named nothing, and its file's
 * space is free when both sides have closed the file.
 */
export interface FileOffer {
  readonly kind: 'result file';
  /** The worker's descriptor. */
  readonly fd: number;
  /** The file begins with this number, so that no other file is taken for it. */
  readonly key: number;
}

/** A part of a result that is in the worker's file. */
export interface FiledPart {
  /** The result has this object in place of the part. It is the same object within one message. */
  readonly hole: object;
  readonly position: number;
  readonly bytes: number;
  /** The name of the part's class. */
  readonly type: string;
}

/**
 * The head has two numbers: the key, and how many parts the caller has read, plus one. Zero means that it has
 * not accepted the file.
 */
export const headBytes = 4096;
export const countPosition = 8;

/** The caller's side of one worker's file. */
export class ResultFile {
  readonly #pid: number;
  #fd: number | null = null;
  #read = 0;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Accepts the file if it can be opened. If not, parts go on to travel in messages. */
  offered({ fd, key }: FileOffer): void {
    if (this.#fd !== null) return;
    let opened: number | null = null;
    try {
      opened = openSync(`/proc/${this.#pid}/fd/${fd}`, 'r+');
      const head = new Float64Array(1);
      readSync(opened, head, 0, head.byteLength, 0);
      if (head[0] !== key) throw new Error(`expected a file that begins with ${key}, got ${head[0]}`);
      this.#fd = opened;
      this.#count(0);
    } catch {
      this.#fd = null;
      if (opened !== null) closeSync(opened);
    }
  }

  /**
   * Returns the value with the parts in it. Call it once for each list of parts, in the order of the
   * messages.
   * @throws Error when they cannot be read, as when the file is closed
   */
  restored(value: unknown, parts: readonly FiledPart[]): unknown {
    const fd = this.#fd;
    if (fd === null) throw new Error("the worker's file with the result is not open any more");
    const contents = new Map<unknown, object>();
    for (const { hole, position, bytes, type } of parts) {
      const buffer = Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
      readRegion(fd, [new Uint8Array(buffer)], position);
      contents.set(hole, partOf(type, buffer));
    }
    this.#count(parts.length);
    return filled(value, contents);
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #count(parts: number): void {
    this.#read += parts;
    writeSync(this.#fd as number, new Float64Array([1 + this.#read]), 0, 8, countPosition);
  }
}

/** Replaces the holes. They are only in plain objects and in arrays. */
function filled(value: unknown, contents: ReadonlyMap<unknown, object>, seen = new Set<unknown>()): unknown {
  const content = contents.get(value);
  if (content !== undefined) return content;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value))
    return value;
  seen.add(value);
  const within = value as Record<string, unknown>;
  for (const key of Object.keys(value)) {
    const part = within[key];
    if (typeof part === 'object' && part !== null) within[key] = filled(part, contents, seen);
  }
  return value;
}

const classes = globalThis as unknown as Record<string, new (buffer: ArrayBuffer) => object>;

function partOf(type: string, buffer: ArrayBuffer): object {
  if (type === 'ArrayBuffer') return buffer;
  if (type === 'Buffer') return Buffer.from(buffer);
  return new (classes[type] as (typeof classes)[string])(buffer);
}
