import { closeSync, constants, fsyncSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { UnfitError } from '../../errors.js';
import { newOf } from '../line-file.js';
import { wholeLines } from '../whole-lines.js';
import { readShardName } from './names.js';
import { syncFolder } from './sync-folder.js';

/** A shard that is whole. */
export interface ManifestLine {
  readonly name: string;
  /** Size and checksum of the file as it is, compressed or not. */
  readonly bytes: number;
  readonly sha256: string;
  /** The shard has a line for each of this number of documents. */
  readonly documents: number;
  /** The ids of its first and its last document. */
  readonly first: string;
  readonly last: string;
  /** Size of the lines before they were compressed. */
  readonly rawBytes: number;
  /** The shard was written with this limit for `rawBytes`. */
  readonly limit: number;
}

/**
 * The file that says which shards there are, one line each. A shard that has no line here does not count,
 * and its documents run again.
 */
export class Manifest {
  readonly #path: string;
  #file: number;
  #length = 0;
  #lines: ManifestLine[] = [];

  /**
   * Opens the manifest, or creates it. A last line that is not whole is left out, and stays in the file until
   * `cut`.
   * @throws UnfitError when it is damaged; the system's error, as all methods do
   */
  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT);
    try {
      for (const { text, endsAt } of wholeLines(this.#file)) {
        this.#lines.push(readManifestLine(text, { path, number: this.#lines.length + 1 }));
        this.#length = endsAt;
      }
    } catch (cause) {
      closeSync(this.#file);
      throw cause;
    }
  }

  get shards(): readonly ManifestLine[] {
    return this.#lines;
  }

  /** A new shard gets this number. */
  get nextNumber(): number {
    return this.#lines.reduce((next, { name }) => Math.max(next, (readShardName(name)?.number ?? -1) + 1), 0);
  }

  /** Removes a last line that is not whole. */
  cut(): void {
    ftruncateSync(this.#file, this.#length);
  }

  /** Lists a shard. The line is on the disk then. */
  add(shard: ManifestLine): void {
    const bytes = Buffer.from(`${JSON.stringify(shard)}\n`);
    try {
      this.#write(bytes);
    } catch (cause) {
      try {
        this.cut();
      } catch {
        // A torn line is cut when the job resumes.
      }
      throw cause;
    }
    this.#length += bytes.length;
    this.#lines.push(shard);
  }

  /** Replaces the manifest, as a whole. */
  replace(shards: readonly ManifestLine[]): void {
    const path = newOf(this.#path);
    const old = this.#file;
    this.#file = openSync(path, 'w+');
    closeSync(old);
    const bytes = Buffer.from(shards.map((shard) => `${JSON.stringify(shard)}\n`).join(''));
    this.#length = 0;
    this.#write(bytes);
    renameSync(path, this.#path);
    syncFolder(dirname(this.#path));
    this.#length = bytes.length;
    this.#lines = [...shards];
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(bytes: Buffer): void {
    let written = 0;
    while (written < bytes.length)
      written += writeSync(this.#file, bytes, written, bytes.length - written, this.#length + written);
    fsyncSync(this.#file);
  }
}

function readManifestLine(
  text: string,
  { path, number }: { readonly path: string; readonly number: number },
): ManifestLine {
  try {
    const line = JSON.parse(text) as ManifestLine;
    const counts = [line.bytes, line.documents, line.rawBytes, line.limit];
    const ids = [line.first, line.last];
    if (
      readShardName(line.name) !== null &&
      /^[0-9a-f]{64}$/.test(line.sha256) &&
      counts.every((count) => Number.isSafeInteger(count) && count > 0) &&
      ids.every((id) => typeof id === 'string')
    )
      return line;
  } catch {
    // It is no JSON, or no object: the error below says so.
  }
  throw new UnfitError(
    `"${path}" is damaged: line ${number} is none that \`forkwise run\` writes; remove the line and the ` +
      'shard that it lists, whose documents then run again',
  );
}
