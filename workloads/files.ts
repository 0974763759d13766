import { type Dirent, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { type ByteString, byteString, fsPath, nameText, pathText } from './file-names.js';
import { parsePattern, type RestOfPattern } from './file-pattern.js';

/** The documents cannot be used; the message says which file or pattern and what to do. */
export class CorpusError extends Error {
  override readonly name = 'CorpusError';
}

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

/** Numbers of entries that are no documents. */
export interface LeftOut {
  /** Pipes, sockets and devices, and links to such. */
  readonly special: number;
  /** Links that lead nowhere. */
  readonly dangling: number;
  /** Links to a folder that contains the link. */
  readonly circular: number;
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
 * Lists the files of a folder (all of them, recursively) or of a glob. Only regular files are documents.
 * Links are followed, but not back to a folder that contains the link.
 * @throws CorpusError when nothing is found.
 */
export function listFiles(pattern: string): FileList {
  const { fixed, rest } = parsePattern(pattern);
  const isFolder = statSync(fixed, { throwIfNoEntry: false })?.isDirectory() === true;
  // A single file is the one file that its folder is asked for.
  const typed = resolve(isFolder ? fixed : resolve(fixed, '..'));
  const real = realpathSync.native(fsPath(byteString(typed)), 'latin1') as ByteString;
  const root = { text: nameText(real), name: nameText(basename(real)) };
  const walk = new Walk(root.name, rest);
  if (isFolder) walk.folder({ path: real, below: '', within: [real] });
  else if (rest === null) walk.file(real, byteString(basename(fixed)));
  const { files, unreadable, leftOut } = walk;
  const list: FileList = { files, pattern, root: root.text, typed, unreadable, leftOut };
  if (files.length + unreadable.length === 0) {
    const except = leftOutText(leftOut);
    throw new CorpusError(
      `--docs "${pattern}": expected a folder with files or a glob that matches some, found none` +
        (except === null ? '' : ` (left out: ${except})`),
    );
  }
  files.sort((a, b) => (a.id < b.id ? -1 : 1));
  return list;
}

/** The id that version 0.1 gave a file: its path from the current folder. */
export function formerId(typed: string, below: string): string {
  return relative(process.cwd(), join(typed, below));
}

/** Says what was left out; null when nothing was. */
export function leftOutText({ special, dangling, circular }: LeftOut): string | null {
  const said = [
    count(special, 'entry that is no regular file', 'entries that are no regular files'),
    count(dangling, 'link that leads nowhere', 'links that lead nowhere'),
    count(circular, 'link to a folder that contains it', 'links to folders that contain them'),
  ].filter((text) => text !== null);
  return said.length === 0 ? null : said.join(', ');
}

function count(number: number, one: string, many: string): string | null {
  return number === 0 ? null : `${number} ${number === 1 ? one : many}`;
}

interface Folder {
  /** The folder has this real path. */
  readonly path: ByteString;
  /** The path below the root, with a slash at its end; empty for the root. */
  readonly below: ByteString;
  /** Real paths of the folders that the walk has come through, itself the last. */
  readonly within: readonly ByteString[];
}

class Walk {
  readonly files: FoundFile[] = [];
  readonly unreadable: Unreadable[] = [];
  readonly leftOut = { special: 0, dangling: 0, circular: 0 };
  readonly #rootName: string;
  readonly #rest: RestOfPattern | null;

  constructor(rootName: string, rest: RestOfPattern | null) {
    this.#rootName = rootName;
    this.#rest = rest;
  }

  folder({ path, below, within }: Folder): void {
    let entries: Dirent[];
    try {
      entries = readdirSync(fsPath(path), { withFileTypes: true, encoding: 'latin1' });
    } catch (cause) {
      this.#unreadable(below.slice(0, -1), cause as Error);
      return;
    }
    for (const entry of entries) {
      const name = entry.name as ByteString;
      if (entry.isDirectory()) this.#enter(name, { path: child(path, name), below, within });
      else if (entry.isSymbolicLink()) this.#link(name, { path, below, within });
      else this.file(path, name, below);
    }
  }

  /** Adds the file when the pattern selects it. */
  file(folder: ByteString, name: ByteString, below = '', known?: Found): void {
    const path = below + name;
    if (this.#rest !== null && !this.#rest.matches(path)) return;
    const file = fsPath(child(folder, name));
    const stats = known === undefined ? statsOf(file) : known;
    if (stats instanceof Error) this.#unreadable(path, stats);
    else if (stats === null) this.leftOut.dangling++;
    else if (!stats.isFile()) this.leftOut.special++;
    else this.files.push({ ...this.#named(path), path: file, size: stats.size, mtimeMs: stats.mtimeMs });
  }

  #link(name: ByteString, { path, below, within }: Folder): void {
    const target = fsPath(child(path, name));
    const stats = statsOf(target);
    if (stats === null || stats instanceof Error || !stats.isDirectory()) {
      this.file(path, name, below, stats);
      return;
    }
    const real = realpathSync.native(target, 'latin1') as ByteString;
    if (within.some((folder) => folder === real || folder.startsWith(child(real, '')))) {
      if (this.#rest?.mayEnter(below + name) !== false) this.leftOut.circular++;
    } else this.#enter(name, { path: real, below, within });
  }

  #enter(name: ByteString, { path, below, within }: Folder): void {
    if (this.#rest !== null && !this.#rest.mayEnter(below + name)) return;
    this.folder({ path, below: `${below + name}/`, within: [...within, path] });
  }

  #unreadable(path: ByteString, cause: Error): void {
    this.unreadable.push({ ...this.#named(path), cause });
  }

  #named(path: ByteString): { readonly id: string; readonly below: string } {
    const id = path === '' ? this.#rootName : `${this.#rootName}/${nameText(path)}`;
    return { id, below: pathText(path) };
  }
}

/** Null where a link leads nowhere, or the file no longer exists. */
type Found = Stats | Error | null;

function statsOf(path: string | Buffer): Found {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ELOOP' ? null : (cause as Error);
  }
}

function child(folder: ByteString, name: ByteString): ByteString {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}
