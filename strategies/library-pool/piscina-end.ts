import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';

/**
 * Ends a piscina pool with all its threads. `destroy()` alone is not enough: a worker that was ended just
 * before, because of its task, is no longer in the pool's list, and when it exits after `destroy()` has
 * returned, the pool replaces it with a new one (5.3). Therefore every worker is remembered until it exits,
 * and its replacement is destroyed as well.
 * @param pool new, none of its workers replaced so far
 * @returns a function to call once nothing is asked of the pool any more; it resolves when no thread is left
 */
export function endOf(pool: Piscina): () => Promise<void> {
  const alive = new Set<Worker>();
  const remember = () => {
    for (const worker of pool.threads) {
      if (alive.has(worker)) continue;
      alive.add(worker);
      worker.once('exit', () => alive.delete(worker));
    }
  };
  remember();
  pool.on('workerCreate', remember);
  return async () => {
    do {
      remember();
      const exits = Promise.all(
        [...alive].map((worker) => new Promise((resolve) => worker.once('exit', resolve))),
      );
      await pool.destroy();
      await exits;
    } while (pool.threads.length > 0);
  };
}
