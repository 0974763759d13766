import type { ChildProcess } from 'node:child_process';
import type { Pool } from 'workerpool';
import { closeGraceMs } from '../session/teardown.js';
import { type PoolWorker, workersOf } from './call-watch.js';
import { within } from './pool-session.js';

/**
 * Ends workers of a workerpool between two documents, which the library itself cannot: a worker leaves the
 * pool's list and gets no more calls, and the pool starts another one for the next call. When its present
 * call has settled it says goodbye and is ended.
 */
export class ProcessRetirement {
  readonly #leaving = new Map<PoolWorker, Promise<void>>();
  #count = 0;

  /** The number of workers that have been retired. */
  get count(): number {
    return this.#count;
  }

  /** The workers that have not ended yet. They may still have a call. */
  get workers(): readonly PoolWorker[] {
    return [...this.#leaving.keys()];
  }

  /** Resolves when none of them is left. */
  async ended(): Promise<void> {
    await Promise.all(this.#leaving.values());
  }

  retire(pool: Pool, child: ChildProcess): void {
    const workers = workersOf(pool) as PoolWorker[];
    const place = workers.findIndex(({ worker }) => worker === child);
    if (place < 0) return; // it has ended
    const [worker] = workers.splice(place, 1) as [PoolWorker];
    this.#count++;
    this.#leaving.set(
      worker,
      leave(worker, child).finally(() => this.#leaving.delete(worker)),
    );
  }
}

async function leave(worker: PoolWorker, child: ChildProcess): Promise<void> {
  const calls = Object.values(worker.processing).map((call) => call?.resolver.promise);
  await Promise.allSettled(calls);
  if (worker.worker !== null) await within(closeGraceMs, Promise.resolve(worker.exec('serve', ['goodbye'])));
  child.kill('SIGKILL');
}
