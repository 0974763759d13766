import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/**
 * A file of short records of one size, to which any number of threads and processes append. The system puts
 * what is written at the end of the file in one step, so all readers see the same records in the same order.
 * A record that is torn (a full disk, a loss of power) does not match its checksum, and readers skip it.
 */
export class RecordLog {
  readonly #fd: number;
  readonly #size: number;
  readonly #buffer: Buffer;
  #position = 0;

  /** @param bodySize the size of each record, without its head. @throws Error of the system */
  constructor(path: string, bodySize: number) {
    this.#fd = openSync(path, 'a+', 0o600);
    this.#size = headSize + bodySize;
    this.#buffer = Buffer.allocUnsafe(this.#size * 256);
  }

  /** Records up to this place of the file have been read. */
  get position(): number {
    return this.#position;
  }

  /**
   * Appends records, all in one step.
   * @param fill writes the body of each of them, from 0 on
   * @throws Error of the system, such as that of a full disk
   */
  append(count: number, fill: (body: Buffer, record: number) => void): void {
    const records = Buffer.allocUnsafe(this.#size * count);
    for (let record = 0; record < count; record++) {
      const at = record * this.#size;
      const body = records.subarray(at + headSize, at + this.#size);
      fill(body, record);
      records.writeUInt32LE(magic, at);
      records.writeUInt32LE(crc32(body), at + 4);
    }
    writeSync(this.#fd, records);
  }

  /**
   * Reads the records that were appended since the last call.
   * @param see gets each record's body, which is valid only during the call, and its place in the file
   */
  read(see: (body: Buffer, position: number) => void): void {
    for (;;) {
      const length = readSync(this.#fd, this.#buffer, 0, this.#buffer.length, this.#position);
      let at = 0;
      while (at + this.#size <= length) {
        const body = this.#recordAt(at);
        if (body !== null) see(body, this.#position + at);
        at += body === null ? 1 : this.#size;
      }
      this.#position += at;
      if (length < this.#buffer.length) return;
    }
  }

  /** Reads the body of the record at this place into a buffer. */
  bodyAt(position: number, body: Buffer): void {
    readSync(this.#fd, body, 0, body.length, position + headSize);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** The body of the record that begins here in the buffer; null when none does. */
  #recordAt(at: number): Buffer | null {
    if (this.#buffer.readUInt32LE(at) !== magic) return null;
    const body = this.#buffer.subarray(at + headSize, at + this.#size);
    return crc32(body) === this.#buffer.readUInt32LE(at + 4) ? body : null;
  }
}

/** `FwR1`, and the checksum of the body. */
const headSize = 8;
const magic = 0x31527746;
