import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Waits until the names in a folder are on the disk, so that a power cut does not undo a rename. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // Windows opens no folders, and orders renames itself
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
