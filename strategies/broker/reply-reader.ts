import type { BlobBuffers } from './blob-buffers.js';

/** An answer of Redis: a line, an error, a value in memory of `BlobBuffers`, or null where a key has none. */
export type Reply = string | Error | Buffer | null;

/** Lines and the first bytes of values are read into a buffer of this size. */
const scratchBytes = 2 ** 14;

/**
 * Parses the answers of one connection to Redis (RESP2: `+line`, `-error`, `:number`, `$length` and a value).
 * A socket reads straight into `space`, and for most bytes of a large value this is the memory that the value
 * keeps: they are copied once, by the system, and nothing is left to the garbage collector.
 */
export class ReplyReader {
  readonly #buffers: BlobBuffers;
  readonly #onReply: (reply: Reply) => void;
  readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);
  /** The scratch has this many bytes that were not parsed. */
  #unparsed = 0;
  /** A value as far as it was read, with the end of the line behind it; null between values. */
  #value: Buffer | null = null;
  #valueBytes = 0;

  constructor(buffers: BlobBuffers, onReply: (reply: Reply) => void) {
    this.#buffers = buffers;
    this.#onReply = onReply;
  }

  /** The next bytes of the connection belong here. */
  get space(): Uint8Array {
    return this.#value?.subarray(this.#valueBytes) ?? this.#scratch.subarray(this.#unparsed);
  }

  /**
   * Parses bytes that were read into `space`.
   * @throws Error when they are no answer
   */
  read(count: number): void {
    if (this.#value === null) this.#parse(this.#unparsed + count);
    else this.#add(this.#value, count);
  }

  /** Parses the scratch, which is filled up to `end`. */
  #parse(end: number): void {
    const scratch = this.#scratch;
    let at = 0;
    while (at < end) {
      const lineEnd = scratch.subarray(at, end).indexOf('\r\n');
      if (lineEnd === -1) break;
      this.#line(scratch.toString('utf8', at, at + lineEnd));
      at += lineEnd + 2;
      if (this.#value !== null) {
        const count = Math.min(end - at, this.#value.length);
        scratch.copy(this.#value, 0, at, at + count);
        at += count;
        this.#add(this.#value, count);
      }
    }
    scratch.copyWithin(0, at, end);
    this.#unparsed = end - at;
    if (this.#unparsed === scratchBytes)
      throw new Error(`expected an answer of Redis, got a line of more than ${scratchBytes} bytes`);
  }

  #line(line: string): void {
    const rest = line.slice(1);
    if (line.startsWith('+') || line.startsWith(':')) this.#onReply(rest);
    else if (line.startsWith('-')) this.#onReply(new Error(rest));
    else if (line === '$-1') this.#onReply(null);
    else if (/^\$\d+$/.test(line)) {
      this.#value = this.#buffers.take(Number(rest) + 2);
      this.#valueBytes = 0;
    } else throw new Error(`expected an answer of Redis, got "${line.slice(0, 100)}"`);
  }

  #add(value: Buffer, count: number): void {
    this.#valueBytes += count;
    if (this.#valueBytes < value.length) return;
    this.#value = null;
    this.#onReply(value.subarray(0, -2));
  }
}
