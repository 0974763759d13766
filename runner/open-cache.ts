import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { minCacheBytes, type SessionCache } from '../services/cache/cache-facts.js';
import { claimsEnding, makeRoom } from '../services/cache/room.js';
import type { WorkloadRef } from '../workloads/workload.js';

export type { SessionCache };

/** Says where and how results are kept. */
export interface CacheOptions {
  /** The folder of the cache, from the current folder. Caches of several tasks may be in one folder. */
  readonly folder: string;
  /**
   * The cache has at most about this size, bytes. Results that were not used for the longest time are removed
   * first. Absent: 10 GB.
   */
  readonly maxBytes?: number;
  /**
   * This share of the documents whose results are found run again, from 0 to 1. When one has another result
   * now, the cache is not used any more. Absent: 0.
   */
  readonly verify?: number;
}

/**
 * Makes the cache of one session of a task. It hashes the task, for which a task of one's own is compiled.
 * @throws RangeError for numbers out of range; WorkloadError when the task has changed since it was compiled;
 * TypeError when the folder cannot be made
 */
export async function openCache(task: WorkloadRef, options: string | CacheOptions): Promise<SessionCache> {
  const given = typeof options === 'string' ? { folder: options } : options;
  const { folder, maxBytes = usualBytes, verify = 0 } = given;
  if (typeof folder !== 'string' || folder === '')
    throw new TypeError('expected the cache to have the path of a folder');
  if (!(maxBytes >= minCacheBytes))
    throw new RangeError(`expected a cache of at least ${minCacheBytes} bytes, got ${maxBytes}`);
  if (!(verify >= 0 && verify <= 1))
    throw new RangeError(`expected the verified share of a cache to be from 0 to 1, got ${verify}`);
  const root = resolve(folder);
  makeFolder(root);
  makeRoom(root, maxBytes);
  const { taskIdentity } = await import('../workloads/task-identity.js'); // this loads the compiler
  return {
    folder: root,
    task: await taskIdentity(task),
    claims: join(root, `${randomUUID()}${claimsEnding}`),
    maxBytes,
    verify,
  };
}

/** Makes missing folders one by one: with `recursive`, Node 20 never returns for a folder in /proc. */
function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let at = path; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  try {
    if (missing.length === 0) mkdirSync(path, { recursive: true }); // refuses a file
    for (const folder of missing) makeOne(folder);
  } catch (cause) {
    throw new TypeError(
      `expected the cache to have a folder that can be made: ${(cause as Error).message}; choose another`,
      { cause },
    );
  }
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause; // another process has made it
  }
}

const usualBytes = 10e9;
