/**
 * These functions show where speed-up is lost. Each returns null if its formula has no meaning for the input.
 */

export interface Factors {
  /**
   * Sequential time ÷ time inside tasks. Below 1 the tasks themselves are slower than alone (caches, GC,
   * clock).
   */
  readonly work: number;
  /** Mean busy time of a worker ÷ busy time of the busiest worker. 1 if the work is spread evenly. */
  readonly balance: number;
  /** Busy time of the busiest worker ÷ wall time. The rest is dispatch, transfer and waiting. */
  readonly availability: number;
}

/**
 * The exact identity S/N = (T_seq / Σb) · (Σb / (N · max b)) · (max b / T), with b the time inside tasks on
 * each worker. All times are for the same documents, in the same unit.
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
 * Karp & Flatt's serial share of a measured speed-up (1990): e = (1/S − 1/M) / (1 − 1/M) with M =
 * min(workers, cores). If e stays the same as M grows, part of the work is serial; if e rises, overhead
 * grows. Null for M ≤ 1.
 */
export function karpFlatt({
  speedup,
  workers,
  cores,
}: Record<'speedup' | 'workers' | 'cores', number>): number | null {
  const most = Math.min(workers, cores);
  return most > 1 && speedup > 0 ? (1 / speedup - 1 / most) / (1 - 1 / most) : null;
}

/**
 * The number of documents from which on a faster strategy has made up for what its start takes longer, ms. It
 * is 0 if the start takes no longer, and null if the strategy is not faster.
 */
export function breakEvenDocuments({
  startMs,
  rate,
  sequentialRate,
}: Record<'startMs' | 'rate' | 'sequentialRate', number>): number | null {
  if (rate <= sequentialRate) return null;
  return ((Math.max(0, startMs) / 1e3) * sequentialRate * rate) / (rate - sequentialRate);
}
