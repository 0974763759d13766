/**
 * Returns how many documents per worker are submitted to a pool and not finished, when the pool sends each
 * worker `sent` at once: enough that the pool's own queue is never empty.
 */
export function submitted(sent: number): number {
  return Math.max(4, 2 * sent);
}
