/** A cache has this size at least, bytes. */
export const minCacheBytes = 100_000;

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
  /** The workers of a session tell each other in this file which documents they are running. */
  readonly claims: string;
  /** The results in the folder have at most about this size, bytes. */
  readonly maxBytes: number;
  /** This share of the documents whose results are found run again, to compare; from 0 to 1. */
  readonly verify: number;
}
