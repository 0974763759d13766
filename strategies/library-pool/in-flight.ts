/**
 * Documents submitted to a pool and unfinished, a worker, when it sends each worker `sent` at once: enough behind them
 * that the pool's own queue is never empty.
 */
export function submitted(sent: number): number {
  return Math.max(4, 2 * sent);
}
