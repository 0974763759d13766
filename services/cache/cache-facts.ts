/** A cache has this size at least, bytes. */
export const minCacheBytes = 100_000;

/** Claims in memory have this many places, which begin at this word: see `MemoryClaims`. */
export const claimPlaces = 2 ** 15;
export const firstClaim = 48;

export function claimMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((firstClaim + claimPlaces) * Int32Array.BYTES_PER_ELEMENT);
}

/** The same options for a session whose workers are all threads of this process. */
export function withMemory<T extends { readonly cache?: SessionCache; readonly channel?: object }>(
  options: T,
): T {
  const { cache, channel = {} } = options;
  // The session of an agent, or of a process with threads, shares its claims with other processes.
  if (cache === undefined || 'limits' in channel) return options;
  return { ...options, cache: { ...cache, claims: claimMemory() } };
}

/**
 * Every worker of a session gets this with its task. It is plain data that JSON carries.
 *
 * The caller knows the task's code, its packages and its options, and hashes them into `task`. A worker adds
 * what it alone has: the task's `cacheKey`, and the values of the environment that the task names. Results
 * are then in a folder of that hash, by the hash of the document's bytes.
 */
export interface SessionCache {
  /** The cache is in this folder, an absolute path. */
  readonly folder: string;
  /** The hash of the task and of everything that decides its results, as far as the caller knows it; hex. */
  readonly task: string;
  /**
   * The workers of a session tell each other in this file which documents they are running. Where they are
   * all threads of one process, they do it in memory, and this is no plain data any more: see `withMemory`.
   */
  readonly claims: string | SharedArrayBuffer;
  /** The results in the folder have at most about this size, bytes. */
  readonly maxBytes: number;
  /** This share of the documents whose results are found run again, to compare; from 0 to 1. */
  readonly verify: number;
}
