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

/** Where compiled tasks lie: each under a name that its own content gives it, so that a file there never changes. */

export interface Kept {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Keeps a module and its source map. What lies there already is used only if it is the same, byte for byte.
 * @param name for people who look into the folder
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
    return put(temporaryFolder()); // a home that cannot be written, or none
  }
}

/** Ours alone: what lies there will be run. @throws Error when it cannot be. */
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

/** One a process, gone when it ends. */
function temporaryFolder(): string {
  if (temporary !== null) return temporary;
  const made = mkdtempSync(join(tmpdir(), 'forkwise-tasks-'));
  process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  temporary = made;
  return made;
}

/** Under another name first: whoever loads the file finds all of it or none. */
function write(path: string, content: string): void {
  if (has(path, content)) {
    const now = new Date();
    utimesSync(path, now, now); // it is in use
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

/** What nobody has asked for in so long is compiled anew when somebody does. */
const keptMs = 30 * 24 * 3600e3;

function removeOld(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    try {
      if (Date.now() - statSync(path).mtimeMs > keptMs) rmSync(path, { force: true });
    } catch {
      // somebody else has just removed it
    }
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
