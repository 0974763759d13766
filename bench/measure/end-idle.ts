import type { Outcome } from '../../strategies/strategy.js';

/**
 * At the end of a pass the workers run out of documents one after the other, and wait for the one that has the longest. In a stream the
 * next documents would be there: what is idle then says how much faster a long run is than a pass.
 * @param outcomes of one pass
 * @param pulledMs by index, on the workers' clock
 * @returns milliseconds from each worker's last document until the last document of all, mean over the workers; null where the times
 * of tasks are not known
 */
export function endIdleMs(
  outcomes: readonly Outcome[],
  { pulledMs, workers }: { readonly pulledMs: ArrayLike<number>; readonly workers: number },
): number | null {
  const ends: number[] = [];
  const lastByWorker = new Map<string | null, number>();
  for (const { index, worker, queuedMs, taskMs } of outcomes) {
    if (queuedMs === null || taskMs === null) continue;
    const end = (pulledMs[index] as number) + queuedMs + taskMs;
    ends.push(end);
    lastByWorker.set(worker, Math.max(end, lastByWorker.get(worker) ?? 0));
  }
  if (ends.length === 0) return null;
  // Places in flight on one thread have no name. Each ends with one of the last documents, since it would have begun another before.
  const last =
    lastByWorker.size === workers ? [...lastByWorker.values()] : ends.sort((a, b) => b - a).slice(0, workers);
  const end = Math.max(...last);
  return last.reduce((sum, ms) => sum + end - ms, 0) / workers;
}
