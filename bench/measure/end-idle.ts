import type { Outcome } from '../../strategies/strategy.js';

export interface EndIdleOptions {
  readonly pulledMs: ArrayLike<number>;
  readonly workers: number;
  readonly perWorker: number;
}

/**
 * Measures how long places have nothing to do at the end of a pass: a worker has one place for each document
 * that it runs at the same time. There they run out of documents one after the other, and wait for the one
 * that finishes last. In a stream the next documents would already be available, so this idle time says how
 * much faster a long run is than a pass.
 * @param outcomes the outcomes of one pass
 * @param options.pulledMs the time at which each document was pulled, by index, on the workers' clock
 * @param options.workers how many workers the configuration has
 * @param options.perWorker how many documents each of them runs at the same time
 * @returns milliseconds from each place's last document until the very last document, mean over the places;
 * null if the times of the tasks are unknown
 */
export function endIdleMs(
  outcomes: readonly Outcome[],
  { pulledMs, workers, perWorker }: EndIdleOptions,
): number | null {
  const byWorker = new Map<string | null, number[]>();
  for (const { index, worker, queuedMs, taskMs } of outcomes) {
    if (queuedMs === null || taskMs === null) continue;
    const end = (pulledMs[index] as number) + queuedMs + taskMs;
    const ends = byWorker.get(worker);
    if (ends === undefined) byWorker.set(worker, [end]);
    else ends.push(end);
  }
  if (byWorker.size === 0) return null;
  const all = [...byWorker.values()];
  // The places in flight of one thread have no worker id.
  const last =
    byWorker.size === workers
      ? all.flatMap((ends) => lastOf(ends, perWorker))
      : lastOf(all.flat(), workers * perWorker);
  const end = Math.max(...last);
  return last.reduce((sum, ms) => sum + end - ms, 0) / last.length;
}

/**
 * The times at which places ended their last documents. Each place ends with one of the last documents, since
 * otherwise it would have started another one.
 */
function lastOf(ends: readonly number[], places: number): number[] {
  return [...ends].sort((a, b) => b - a).slice(0, places);
}
