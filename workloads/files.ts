import { join, relative } from 'node:path';
import { FileWalk, type LeftOut, nothingLeftOut, statsOf } from './file-walk.js';

/** A file is one document on the disk. */
export interface FoundFile {
  /**
   * The name of the root folder, `/`, and the path below it: the same from wherever and however it was found.
   */
  readonly id: string;
  readonly path: string | Buffer;
  /** The file has this path below the root, as text. */
  readonly below: string;
  /** The file has this size, bytes. */
  readonly size: number;
  readonly mtimeMs: number;
}

/** A file or a folder that is there and cannot be looked into. */
export interface Unreadable {
  readonly id: string;
  readonly below: string;
  readonly cause: Error;
}

/** The files that a folder or a glob selects, in the order of their ids. */
export interface FileList {
  readonly files: readonly FoundFile[];
  /** The pattern is kept as it was given. */
  readonly pattern: string;
  /** All files are below this real path, that of the folder or of the fixed part of the glob, as text. */
  readonly root: string;
  /** The same folder as it was given, absolute. */
  readonly typed: string;
  /** Grows when a sample meets further ones. */
  readonly unreadable: Unreadable[];
  readonly leftOut: LeftOut;
}

/**
 * Lists the files of a folder (all of them, recursively) or of a glob, with their sizes.
 * @throws CorpusError when nothing is found.
 */
export function listFiles(pattern: string): FileList {
  const walk = new FileWalk(pattern);
  const files: FoundFile[] = [];
  const unreadable: Unreadable[] = [];
  const leftOut = nothingLeftOut();
  for (const { id, below, path, cause } of walk.entries(leftOut)) {
    const stats = path === null ? cause : statsOf(path);
    if (stats instanceof Error) unreadable.push({ id, below, cause: stats });
    else if (stats === null) leftOut.dangling++;
    else if (!stats.isFile()) leftOut.special++;
    else files.push({ id, below, path: path as string | Buffer, size: stats.size, mtimeMs: stats.mtimeMs });
  }
  files.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { files, pattern, root: walk.root, typed: walk.typed, unreadable, leftOut };
}

/** The id that version 0.1 gave a file: its path from the current folder. */
export function formerId(typed: string, below: string): string {
  return relative(process.cwd(), join(typed, below));
}
