import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of one size that all trials of a run share. They stay in the page cache. */
export interface Files {
  readonly folder: string;
  readonly count: number;
}

/** All files of one size have about this many bytes, which exceeds the processor's caches. */
const totalBytes = 64e6;
const maxFiles = 4_096;

/** The path of one of these files. */
export function pathIn({ folder, count }: Files, index: number): string {
  return join(folder, `${index % count}.bin`);
}

/** Returns the content of a document: no steps, then a byte that tells it from others. */
export function filler(bytes: number, index: number): Uint8Array {
  return new Uint8Array(bytes).fill(0, 0, 4).fill(index, 4);
}

/** Writes the files of each size once, when they are first asked for. The folder's owner removes them. */
export class FileCorpora {
  readonly #folder: string;
  readonly #written = new Map<number, Files>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  of(bytes: number): Files {
    const known = this.#written.get(bytes);
    if (known !== undefined) return known;
    const count = Math.min(maxFiles, Math.ceil(totalBytes / Math.max(1, bytes)));
    const files = { folder: join(this.#folder, String(bytes)), count };
    mkdirSync(files.folder);
    for (let index = 0; index < count; index++) writeFileSync(pathIn(files, index), filler(bytes, index));
    this.#written.set(bytes, files);
    return files;
  }
}
