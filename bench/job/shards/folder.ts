import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { RunError, UnfitError, UsageError } from '../../errors.js';
import { entryAt, type Place, sidecarOf } from '../sidecar.js';
import type { ManifestLine } from './manifest.js';
import { failedName, manifestName, readShardName } from './names.js';

/**
 * @returns true when there is no folder yet
 * @throws UsageError when the path is no folder, or one with files that are not a job's; RunError when it
 * cannot be read
 */
export function refuseFolder({ flag, given, path }: Place): boolean {
  const entry = entryAt(given);
  if (entry === undefined) return true;
  if (!entry.isDirectory())
    throw new UsageError(`${flag} "${given}": expected a folder, and it is none; choose another one`);
  const names = namesIn(given);
  const sidecar = sidecarOf(manifestName);
  // A process that was killed as it began may have left its lock.
  const other = names.find((name) => !name.startsWith(`${manifestName}.lock`));
  if (other === undefined || names.includes(sidecar)) return false;
  throw new UsageError(
    `${flag} "${given}": expected a new or empty folder, or one that \`forkwise run --shards\` began ` +
      `(with "${path}.json"); it has other files, such as "${other}"; choose another folder`,
  );
}

/** No document has a line, in shards that are listed or not, or among the failures. */
export function isEmpty(folder: string): boolean {
  const lines = [manifestName, failedName].some((name) => (entryAt(join(folder, name))?.size ?? 0) > 0);
  return !lines && unlistedIn(namesIn(folder), []).length === 0;
}

/** @throws RunError when the folder cannot be read */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new RunError(`cannot read "${folder}": ${(cause as Error).message}`, { cause });
  }
}

/** @throws RunError when it cannot be made */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (cause) {
    throw new RunError(`cannot make the folder "${path}": ${(cause as Error).message}`, { cause });
  }
}

export function unlistedIn(names: readonly string[], shards: readonly ManifestLine[]): string[] {
  const listed = new Set(shards.map(({ name }) => name));
  return names.filter((name) => readShardName(name) !== null && !listed.has(name)).sort();
}

/** @throws UnfitError when there are shards that no process can have left unlisted */
export function refuseUnlisted(folder: string, names: readonly string[]): void {
  if (names.length === 0) return;
  const shards = names.length === 1 ? `"${names[0]}"` : `"${names[0]}" and ${names.length - 1} more`;
  throw new UnfitError(
    `"${folder}" has shards that "${join(folder, manifestName)}" does not list: ${shards}; ` +
      'put the manifest back, or delete these shards: their documents then run again',
  );
}

export function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It has files by now.
  }
}
