import { accessSync, constants, existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError } from '../errors.js';

/**
 * Makes a folder, and those above it that are missing. It makes them one by one: with `recursive: true`,
 * `mkdirSync` of Node 20 never returns where the system makes no folders, as in /proc.
 * @returns the folders that were made, the outermost first
 * @throws Error of the system; no folder is left behind
 */
export function makeFolder(path: string): string[] {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  const made: string[] = [];
  try {
    for (const folder of missing) if (makeOne(folder)) made.push(folder);
  } catch (cause) {
    removeEmpty(made);
    throw cause;
  }
  return made;
}

/** Makes a folder to see whether that works, and removes it again. @throws Error of the system */
export function tryFolder(path: string): void {
  const made = makeFolder(path);
  removeEmpty(made);
  if (made.length === 0) accessSync(path, constants.W_OK | constants.X_OK);
}

/** The refusal of a path that is given as `--out`. */
export function cannotMake(path: string, cause: unknown): UsageError {
  return new UsageError(
    `--out "${path}": expected a place for a new folder, but none can be made: ` +
      `${(cause as Error).message}; choose another place`,
    { cause },
  );
}

/** @returns false if another process has made it meanwhile */
function makeOne(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (cause) {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return false;
    throw cause;
  }
}

function removeEmpty(made: readonly string[]): void {
  for (const folder of made.toReversed()) {
    try {
      rmdirSync(folder);
    } catch {
      return; // another process has put something into it
    }
  }
}
