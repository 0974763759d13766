import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DocumentLine } from '../line.js';
import { type Compression, type Compressor, compressorOf } from './compression.js';
import type { ManifestLine } from './manifest.js';
import { shardName, temporaryOf } from './names.js';
import { syncFolder } from './sync-folder.js';

/** Lines are compressed and written together at this many characters. */
const partLength = 2 ** 20;

export interface ShardFileOptions {
  readonly number: number;
  readonly compression: Compression;
  /** The lines together have at most this many bytes, before they are compressed; one line may have more. */
  readonly limit: number;
}

/** A shard that is being written. It has a temporary name until it is whole and on the disk. */
export class ShardFile {
  readonly name: string;
  readonly #folder: string;
  readonly #limit: number;
  readonly #temporary: string;
  readonly #compressor: Compressor;
  readonly #hash = createHash('sha256');
  #file: number;
  #waiting = '';
  #bytes = 0;
  #rawBytes = 0;
  #documents = 0;
  #first = '';
  #last = '';

  /** @throws the system's error, as all methods do */
  constructor(folder: string, { number, compression, limit }: ShardFileOptions) {
    this.name = shardName(number, compression);
    this.#folder = folder;
    this.#limit = limit;
    this.#temporary = join(folder, temporaryOf(this.name));
    this.#compressor = compressorOf(compression);
    this.#file = openSync(this.#temporary, 'w');
  }

  /** Says whether a line of this size is within the limit; a shard takes its first line whatever its size. */
  hasRoomFor(bytes: number): boolean {
    return this.#documents === 0 || this.#rawBytes + bytes <= this.#limit;
  }

  /** @param bytes the size of the line */
  append({ id, line }: Pick<DocumentLine, 'id' | 'line'>, bytes: number): void {
    if (this.#documents++ === 0) this.#first = id;
    this.#last = id;
    this.#rawBytes += bytes;
    this.#waiting += line;
    if (this.#waiting.length >= partLength) this.#writePart();
  }

  /** Gives the shard its name. Its lines, and the name, are on the disk then. */
  finish(): ManifestLine {
    this.#writePart();
    this.#write(this.#compressor.end());
    fsyncSync(this.#file);
    this.#close();
    renameSync(this.#temporary, join(this.#folder, this.name));
    syncFolder(this.#folder);
    return {
      name: this.name,
      bytes: this.#bytes,
      sha256: this.#hash.digest('hex'),
      documents: this.#documents,
      first: this.#first,
      last: this.#last,
      rawBytes: this.#rawBytes,
      limit: this.#limit,
    };
  }

  /** Removes what was written. */
  discard(): void {
    try {
      this.#close();
      rmSync(this.#temporary, { force: true });
    } catch {
      // The next call of the command removes the file.
    }
  }

  #writePart(): void {
    if (this.#waiting === '') return;
    const part = Buffer.from(this.#waiting);
    this.#waiting = '';
    this.#write(this.#compressor.write(part));
  }

  #write(bytes: Buffer): void {
    let written = 0;
    while (written < bytes.length)
      written += writeSync(this.#file, bytes, written, bytes.length - written, this.#bytes + written);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }

  #close(): void {
    if (this.#file < 0) return;
    const file = this.#file;
    this.#file = -1;
    closeSync(file);
  }
}
