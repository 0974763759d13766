import type { Configuration } from '../strategy.js';

/** How many processes there are, how many threads in each, and how many documents a thread runs at a time. */
export interface Split {
  readonly processes: number;
  readonly threads: number;
  readonly perWorker: number;
}

/**
 * Splits the workers, which are all threads. Absent axes are chosen so that there are about as many
 * processes as threads in each: the end of one then costs few documents, at the price of few processes.
 * @throws RangeError when the axes do not make that number of workers
 */
export function splitOf(
  workers: number,
  { processes, threads, perWorker = 1 }: Partial<Record<keyof Split, number>>,
): Split {
  const own = processes ?? (threads === undefined ? usualProcesses(workers) : workers / threads);
  const split = { processes: own, threads: threads ?? workers / own, perWorker };
  if (Object.values(split).every((count) => Number.isInteger(count) && count >= 1))
    if (split.processes * split.threads === workers) return split;
  throw new RangeError(
    `expected processes × threads to be the number of workers, ${workers}, ` +
      `got ${split.processes} × ${split.threads} with ${perWorker} documents per worker`,
  );
}

/** The smallest divisor that is at least the square root. */
function usualProcesses(workers: number): number {
  let processes = Math.ceil(Math.sqrt(workers));
  while (workers % processes !== 0) processes++;
  return processes;
}

/** Reads the axes of a configuration, and `perWorker` beside it. */
export function axesOf(
  configuration: Configuration = {},
  perWorker?: number,
): Partial<Record<keyof Split, number>> {
  return { ...(perWorker !== undefined && { perWorker }), ...configuration };
}

/**
 * Threads of libuv's pool in one process, which all its worker threads share: one per core of its share for
 * work that computes in the pool, and one per document where the pool reads files.
 */
export function poolThreads(
  { processes, perWorker }: Split,
  { cores, readsFiles }: { readonly cores: number; readonly readsFiles: boolean },
): number {
  const share = Math.ceil(cores / processes);
  return readsFiles ? Math.max(share, perWorker) : share;
}
