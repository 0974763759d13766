import type { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';

/**
 * Ends a piscina pool with all its threads. `destroy()` alone does not: a worker that was ended for its task's sake just before is
 * no longer among the pool's, and when it exits after `destroy()` has returned, the pool replaces it by a new one (5.3). So every
 * worker that ever came is remembered until its exit, and what took its place is destroyed as well.
 * @param pool new, none of its workers replaced so far
 * @returns to be called once nothing is asked of the pool any more; resolves when no thread is left
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
