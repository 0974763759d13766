import type { Outcome } from '../../strategies/strategy.js';

/**
 * Measures how long workers have nothing to do at the end of a pass. There the workers run out of documents
 * one after the other, and wait for the worker that finishes last. In a stream the next documents would
 * already be available, so this idle time says how much faster a long run is than a pass.
 * @param outcomes the outcomes of one pass
 * @param options.pulledMs the time at which each document was pulled, by index, on the workers' clock
 * @param options.workers how many workers the configuration has
 * @returns milliseconds from each worker's last document until the very last document, mean over the workers;
 * null if the times of the tasks are unknown
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
  // The places in flight of one thread have no worker id. Each place ends with one of the last documents,
  // since otherwise it would have started another document.
  const last =
    lastByWorker.size === workers ? [...lastByWorker.values()] : ends.sort((a, b) => b - a).slice(0, workers);
  const end = Math.max(...last);
  return last.reduce((sum, ms) => sum + end - ms, 0) / workers;
}
