import { readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Removes the files of a cache that were not used for the longest time, until it has at most 90 % of its
 * size. Workers do this before they begin a file. The newest files of all workers grow until then, which the
 * tenth leaves room for.
 * @param root the folder of the cache, which has a folder for each task
 */
export function makeRoom(root: string, maxBytes: number): void {
  const files = filesIn(root);
  let bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes <= maxBytes * keptShare) return;
  for (const { path, size } of files.sort((a, b) => a.usedMs - b.usedMs)) {
    if (bytes <= maxBytes * keptShare) return;
    rmSync(path, { force: true });
    bytes -= size;
  }
}

const keptShare = 0.9;
const emptyMs = 60_000;
/** Claims are removed that have not changed for this long, ms. */
const claimsMs = 24 * 3600e3;
export const claimsEnding = '.claims';

interface CacheFile {
  readonly path: string;
  readonly size: number;
  readonly usedMs: number;
}

function filesIn(root: string): CacheFile[] {
  const files: CacheFile[] = [];
  for (const folder of readdirSync(root, { withFileTypes: true })) {
    if (!folder.isDirectory()) {
      if (folder.name.endsWith(claimsEnding)) removeOld(join(root, folder.name));
      continue;
    }
    const names = namesIn(join(root, folder.name));
    if (names.length === 0) removeEmpty(join(root, folder.name));
    for (const name of names) {
      const path = join(root, folder.name, name);
      const state = statSync(path, { throwIfNoEntry: false });
      if (state !== undefined) files.push({ path, size: state.size, usedMs: state.mtimeMs });
    }
  }
  return files;
}

/** Removes the claims of a session that was killed. */
function removeOld(path: string): void {
  const state = statSync(path, { throwIfNoEntry: false });
  if (state !== undefined && Date.now() - state.mtimeMs > claimsMs) rmSync(path, { force: true });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // another process has removed it
  }
}

function removeEmpty(folder: string): void {
  try {
    // A worker may be about to begin a file in a folder that it has just made.
    if (Date.now() - statSync(folder).mtimeMs > emptyMs) rmdirSync(folder);
  } catch {
    // Another process has begun a file in it.
  }
}
