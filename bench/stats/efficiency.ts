/** Where the speed-up goes. Every function gives null where its formula has no meaning. */

export interface Factors {
  /** Sequential time over time inside tasks: below 1, tasks themselves are slower than alone (caches, GC, clock). */
  readonly work: number;
  /** Mean over largest busy time of a worker. */
  readonly balance: number;
  /** Largest busy time over wall time: the rest is dispatch, transfer and waiting. */
  readonly availability: number;
}

/**
 * The exact identity S/N = (T_seq / Σb) · (Σb / (N · max b)) · (max b / T), with b the time inside tasks on each worker.
 * All times are for the same documents, in the same unit.
 */
export function factors({
  sequential,
  wall,
  busy,
  busiest,
  workers,
}: Record<'sequential' | 'wall' | 'busy' | 'busiest' | 'workers', number>): Factors | null {
  if (!(busy > 0 && busiest > 0 && wall > 0)) return null;
  return { work: sequential / busy, balance: busy / (workers * busiest), availability: busiest / wall };
}

/**
 * Karp & Flatt (1990): the serial share that a measured speed-up amounts to, e = (1/S − 1/M) / (1 − 1/M) with
 * M = min(workers, cores). Constant over M, work is serial; rising, overhead grows. Null for M ≤ 1.
 */
export function karpFlatt({
  speedup,
  workers,
  cores,
}: Record<'speedup' | 'workers' | 'cores', number>): number | null {
  const most = Math.min(workers, cores);
  return most > 1 && speedup > 0 ? (1 / speedup - 1 / most) / (1 - 1 / most) : null;
}

/** Documents after which a strategy has made up for its start-up against sequential; null when it is not faster. */
export function breakEvenDocuments({
  startupMs,
  rate,
  sequentialRate,
}: Record<'startupMs' | 'rate' | 'sequentialRate', number>): number | null {
  return rate > sequentialRate ? ((startupMs / 1e3) * sequentialRate * rate) / (rate - sequentialRate) : null;
}
