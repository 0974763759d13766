import { opendirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type ByteString, byteString, fsPath, nameText, pathText } from './file-names.js';
import { parsePattern, type RestOfPattern } from './file-pattern.js';
import { SortedNames } from './sorted-names.js';

/** The documents cannot be used; the message says which file or pattern and what to do. */
export class CorpusError extends Error {
  override readonly name = 'CorpusError';
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

/** A walk counts what is no document in such an object. */
export type LeftOutCounts = { -readonly [Kind in keyof LeftOut]: LeftOut[Kind] };

export function nothingLeftOut(): LeftOutCounts {
  return { special: 0, dangling: 0, circular: 0 };
}

/** A walk found a file that is a document, or something that cannot be looked into. */
export type WalkEntry = {
  /**
   * The name of the root folder, `/`, and the path below it: the same from wherever and however it was found.
   */
  readonly id: string;
  /** It has this path below the root, as text. */
  readonly below: string;
} & (
  | { readonly path: string | Buffer; readonly cause: null }
  | { readonly path: null; readonly cause: Error }
);

/**
 * The files of a folder (all of them, recursively) or of a glob. Only regular files are documents. Links are
 * followed, but not back to a folder that contains the link.
 *
 * A walk holds the names in the folders that it is in and nothing else, so there may be any number of files.
 * It does not ask the system about each file: a file may change between the walk and its reading anyway.
 */
export class FileWalk {
  /** The pattern is kept as it was given. */
  readonly pattern: string;
  /** All files are below this real path, that of the folder or of the fixed part of the glob, as text. */
  readonly root: string;
  /** The same folder as it was given, absolute. */
  readonly typed: string;
  readonly #real: ByteString;
  readonly #rootName: string;
  readonly #rest: RestOfPattern | null;
  /** The one file that the pattern names; null where it names a folder. */
  readonly #only: ByteString | null;

  constructor(pattern: string) {
    const { fixed, rest } = parsePattern(pattern);
    const isFolder = statSync(fixed, { throwIfNoEntry: false })?.isDirectory() === true;
    this.pattern = pattern;
    // A single file is the one file that its folder is asked for.
    this.typed = resolve(isFolder ? fixed : resolve(fixed, '..'));
    this.#real = realpathSync.native(fsPath(byteString(this.typed)), 'latin1') as ByteString;
    this.root = nameText(this.#real);
    this.#rootName = nameText(basename(this.#real));
    this.#rest = rest;
    this.#only = isFolder ? null : byteString(basename(fixed));
  }

  /** Gives the files of `batches` one by one. */
  *entries(leftOut: LeftOutCounts): Generator<WalkEntry, void, undefined> {
    for (const batch of this.batches(leftOut)) yield* batch;
  }

  /**
   * Gives the files in the order of their paths' bytes, in arrays: a generator that is resumed for each file
   * takes as long as naming it.
   * @param leftOut counts what is no document
   * @throws CorpusError at the end when there was no file
   */
  *batches(leftOut: LeftOutCounts): Generator<WalkEntry[], void, undefined> {
    const options = { rootName: this.#rootName, rest: this.#rest, leftOut };
    const root = new Folder({ path: this.#real, below: '', within: [this.#real] }, options);
    if (this.#only === null) root.list();
    else if (this.#rest === null) root.addLink(this.#only);
    let found = 0;
    let batch: WalkEntry[] = [];
    const stack = [root];
    for (let folder = stack.at(-1); folder !== undefined; folder = stack.at(-1)) {
      const next = folder.take(batch);
      if (next === null) stack.pop();
      else if (next instanceof Folder) stack.push(next);
      else {
        found += batch.length;
        yield batch;
        batch = [];
      }
    }
    found += batch.length;
    if (batch.length > 0) yield batch;
    if (found > 0) return;
    const except = leftOutText(leftOut);
    throw new CorpusError(
      `--docs "${this.pattern}": expected a folder with files or a glob that matches some, found none` +
        (except === null ? '' : ` (left out: ${except})`),
    );
  }
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

/** Null where a link leads nowhere, or the file no longer exists. */
export function statsOf(path: string | Buffer): Stats | Error | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ELOOP' ? null : (cause as Error);
  }
}

interface Place {
  /** The folder has this real path. */
  readonly path: ByteString;
  /** The path below the root, with a slash at its end; empty for the root. */
  readonly below: ByteString;
  /** Real paths of the folders that the walk has come through, itself the last. */
  readonly within: readonly ByteString[];
}

interface WalkOptions {
  readonly rootName: string;
  readonly rest: RestOfPattern | null;
  readonly leftOut: LeftOutCounts;
}

/** A batch of files has this many. */
const filesPerBatch = 256;

/** Entries that are read from the system at once: Node moves all that are left each time it gives one. */
const entriesAtOnce = 64;

/** One folder on the way of a walk: its names, and how far the walk is with them. */
class Folder {
  readonly #place: Place;
  readonly #options: WalkOptions;
  /** A folder's name ends with a slash. So the order of names is the order of all paths below them. */
  readonly #names = new SortedNames();
  /** Links by their names: to the real path of a folder, or why they cannot be followed. */
  readonly #links = new Map<ByteString, ByteString | Error>();
  /** The folder itself could not be listed. */
  #cause: Error | null = null;
  /** Ids, paths and paths below the root begin with these; null where bytes must be decoded. */
  readonly #before: { readonly id: string; readonly path: string; readonly below: string } | null;

  constructor(place: Place, options: WalkOptions) {
    this.#place = place;
    this.#options = options;
    const path = fsPath(child(place.path, ''));
    const below = pathText(place.below);
    const id = idOf(place.below, options);
    this.#before = typeof path === 'string' ? { id, path, below } : null;
  }

  /** Reads the names. */
  list(): void {
    try {
      const folder = opendirSync(fsPath(this.#place.path), {
        encoding: 'latin1',
        bufferSize: entriesAtOnce,
      });
      try {
        for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
          const name = entry.name as ByteString;
          if (entry.isFile()) this.#addFile(name);
          else if (entry.isDirectory()) this.#addFolder(name);
          else if (entry.isSymbolicLink()) this.addLink(name);
          else if (this.#matches(name)) this.#options.leftOut.special++;
        }
      } finally {
        folder.closeSync();
      }
    } catch (cause) {
      this.#cause = cause as Error;
    }
  }

  /** Adds what a link leads to, or the one file that was asked for. */
  addLink(name: ByteString): void {
    const { path, below, within } = this.#place;
    const { rest, leftOut } = this.#options;
    const target = fsPath(child(path, name));
    const found = realFolder(target);
    if (found instanceof Error) {
      if (!this.#matches(name)) return;
      this.#links.set(name, found);
      this.#names.add(name);
    } else if (typeof found === 'string') {
      if (rest?.mayEnter(below + name) === false) return;
      if (within.some((folder) => folder === found || folder.startsWith(child(found, ''))))
        leftOut.circular++;
      else {
        this.#links.set(`${name}/`, found);
        this.#names.add(`${name}/`);
      }
    } else if (!this.#matches(name)) return;
    else if (found === null) leftOut.dangling++;
    else if (!found.isFile()) leftOut.special++;
    else this.#names.add(name);
  }

  /**
   * Adds the next files to the batch.
   * @returns `full` when the batch is full, the next folder to walk through, or null at the end
   */
  take(batch: WalkEntry[]): Folder | 'full' | null {
    if (this.#cause !== null) {
      const below = this.#place.below.slice(0, -1);
      const id = below === '' ? this.#options.rootName : idOf(below, this.#options);
      batch.push({ id, below: pathText(below), path: null, cause: this.#cause });
      this.#cause = null;
    }
    while (batch.length < filesPerBatch) {
      const name = this.#names.next();
      if (name === null) return null;
      if (name.endsWith('/')) return this.#enter(name);
      batch.push(this.#entryOf(name));
    }
    return 'full';
  }

  #addFile(name: ByteString): void {
    if (this.#matches(name)) this.#names.add(name);
  }

  #addFolder(name: ByteString): void {
    if (this.#options.rest?.mayEnter(this.#place.below + name) !== false) this.#names.add(`${name}/`);
  }

  #matches(name: ByteString): boolean {
    const { rest } = this.#options;
    return rest === null || rest.matches(this.#place.below + name);
  }

  #enter(name: ByteString): Folder {
    const { path, below, within } = this.#place;
    const real = (this.#links.get(name) as ByteString | undefined) ?? child(path, name.slice(0, -1));
    const folder = new Folder({ path: real, below: below + name, within: [...within, real] }, this.#options);
    folder.list();
    return folder;
  }

  #entryOf(name: ByteString): WalkEntry {
    const linked = this.#links.size === 0 ? undefined : this.#links.get(name);
    if (this.#before !== null && linked === undefined && isPlain(name)) {
      const { id, path, below } = this.#before;
      return { id: id + name, below: below + name, path: path + name, cause: null };
    }
    const below = this.#place.below + name;
    const named = { id: idOf(below, this.#options), below: pathText(below) };
    if (linked instanceof Error) return { ...named, path: null, cause: linked };
    return { ...named, path: fsPath(child(this.#place.path, name)), cause: null };
  }
}

/** The name is the same as bytes, as text and in an id. */
function isPlain(name: ByteString): boolean {
  return !/[^\0-\x7f]|%/.test(name);
}

function idOf(below: ByteString, { rootName }: WalkOptions): string {
  return `${rootName}/${nameText(below)}`;
}

/**
 * The real path when the path leads to a folder; what the system says of anything else, null when that is
 * nothing.
 */
function realFolder(path: string | Buffer): ByteString | Stats | Error | null {
  const stats = statsOf(path);
  if (stats === null || stats instanceof Error || !stats.isDirectory()) return stats;
  try {
    return realpathSync.native(path, 'latin1') as ByteString;
  } catch (cause) {
    return cause as Error;
  }
}

function child(folder: ByteString, name: ByteString): ByteString {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}
