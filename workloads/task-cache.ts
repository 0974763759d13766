import { createHash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { inTemporary } from './temporary.js';

/**
 * This module keeps compiled tasks in a folder of the user's cache. A task is always compiled, and then kept
 * under a name that is made from its content, so that a file never changes while a worker may load it.
 */

export interface Kept {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Keeps a module and its source map. A file that is already there is used only if it is equal, byte for byte.
 * @param name makes the file recognisable for people
 */
export function keep(name: string, { code, map }: { readonly code: string; readonly map: string }): Kept {
  const base = `${name.replaceAll(/[^\w.-]/g, '-')}-${sha256(code).slice(0, 16)}.mjs`;
  const content = `${code}//# sourceMappingURL=${base}.map\n`;
  const put = (folder: string): Kept => {
    write(join(folder, `${base}.map`), map);
    write(join(folder, base), content);
    return { path: join(folder, base), sha256: sha256(content) };
  };
  try {
    const folder = privateFolder(cacheFolder());
    removeOld(folder);
    return put(folder);
  } catch {
    return put(temporaryFolder()); // there is no home folder, or it cannot be written
  }
}

/** Keeps a text by its name, in place of an earlier one. Does nothing if the cache cannot be written. */
export function keepNote(name: string, text: string): void {
  try {
    write(join(privateFolder(cacheFolder()), name), text);
  } catch {
    // there is no home folder, or it cannot be written
  }
}

/** Reads such a text, and marks it as used; null if there is none. */
export function readNote(name: string): string | null {
  try {
    const path = join(cacheFolder(), name);
    const text = readFileSync(path, 'utf8');
    const now = new Date();
    utimesSync(path, now, now);
    return text;
  } catch {
    return null;
  }
}

/**
 * Makes a folder that only this user can write, because its files will be run.
 * @throws Error when another user owns it
 */
function privateFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.platform === 'win32') return folder;
  const { uid } = statSync(folder);
  if (uid !== process.getuid?.()) throw new Error(`"${folder}" belongs to another user`);
  chmodSync(folder, 0o700);
  return folder;
}

function cacheFolder(): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = process.env;
  const places = {
    win32: () => local ?? join(homedir(), 'AppData', 'Local'),
    darwin: () => join(homedir(), 'Library', 'Caches'),
  } as Record<string, () => string>;
  const base = xdg && isAbsolute(xdg) ? xdg : (places[process.platform]?.() ?? join(homedir(), '.cache'));
  return join(base, 'forkwise', 'tasks');
}

let temporary: string | null = null;

/** Makes a folder for this process, which is removed when the process ends. */
function temporaryFolder(): string {
  if (temporary !== null) return temporary;
  const made = inTemporary(() => mkdtempSync(join(tmpdir(), 'forkwise-tasks-')));
  process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  temporary = made;
  return made;
}

/** Writes under another name first, so that a worker that loads the file finds all of it or none. */
function write(path: string, content: string): void {
  if (has(path, content)) {
    const now = new Date();
    utimesSync(path, now, now); // marks it as used, so that it is not removed
    return;
  }
  const unfinished = `${path}.${randomUUID()}.tmp`;
  try {
    writeFileSync(unfinished, content, { mode: 0o600 });
    renameSync(unfinished, path);
  } catch (cause) {
    rmSync(unfinished, { force: true });
    throw cause;
  }
}

function has(path: string, content: string): boolean {
  try {
    return readFileSync(path, 'utf8') === content;
  } catch {
    return false;
  }
}

const dayMs = 24 * 3600e3;
/** A file that was not used for this long is removed. */
const keptMs = 30 * dayMs;
/** The last change of this file says when the folder was looked through. */
const lookedThrough = '.looked-through';

/** Removes what was not used for long. Once a day is enough: there may be thousands of files. */
function removeOld(folder: string): void {
  const mark = join(folder, lookedThrough);
  const last = statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Math.abs(Date.now() - last) < dayMs) return;
  writeFileSync(mark, '', { mode: 0o600 });
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    try {
      if (Date.now() - statSync(path).mtimeMs > keptMs) rmSync(path, { force: true });
    } catch {
      // another process has just removed it
    }
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
