import { randomUUID } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Transport } from '../strategy.js';

/**
 * A file without a name. Every process that has the descriptor shares it, and its space is free when the last
 * one ends.
 */
export interface SharedFile {
  readonly fd: number;
  readonly transport: Exclude<Transport, 'message'>;
}

export interface Folder {
  readonly path: string;
  readonly transport: SharedFile['transport'];
}

/**
 * Returns the folders to try, in this order. There is none on Windows, where we have not tried whether a
 * child can read a descriptor that it inherits.
 */
export function usualFolders(): readonly Folder[] {
  if (process.platform === 'win32') return [];
  const temporary: Folder = { path: tmpdir(), transport: 'file' };
  return process.platform === 'linux' ? [{ path: '/dev/shm', transport: 'tmpfs' }, temporary] : [temporary];
}

/**
 * Opens a file of `bytes` zeros in the first folder that takes it.
 * @returns the file, `null` where no folder took it, and the reasons of all folders that did not.
 */
export function openSharedFile(request: { readonly bytes: number; readonly folders: readonly Folder[] }): {
  readonly file: SharedFile | null;
  readonly refusals: readonly string[];
} {
  const refusals: string[] = [];
  for (const { path, transport } of request.folders) {
    try {
      return { file: { fd: openUnnamed(path, request.bytes), transport }, refusals };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      refusals.push(`"${path}" took no file of ${request.bytes} bytes: ${reason}`);
    }
  }
  return { file: null, refusals };
}

/**
 * Removes the name before anything is written, so that no file is left behind, whatever happens to this
 * process.
 */
function openUnnamed(folder: string, bytes: number): number {
  const path = join(folder, `forkwise-${randomUUID()}`);
  const fd = openSync(path, 'wx+', 0o600);
  try {
    unlinkSync(path);
    fill(fd, bytes);
    return fd;
  } catch (cause) {
    closeSync(fd);
    throw cause;
  }
}

/**
 * Writes zeros, since setting a length reserves nothing: a full disk must fail here and not in the middle of
 * a run.
 */
function fill(fd: number, bytes: number): void {
  const zeros = new Uint8Array(Math.min(bytes, 2 ** 20));
  for (let written = 0; written < bytes; ) {
    written += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - written), written);
  }
}
