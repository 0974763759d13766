import { setTimeout } from 'node:timers/promises';
import type { Piscina } from 'piscina';
import type { CarriedDocument } from '../session/reference.js';
import type { Replaced } from './pool-session.js';
import type { NotBegun, Retired } from './worker/thread-pool.js';

type Balancer = NonNullable<NonNullable<ConstructorParameters<typeof Piscina>[0]>['loadBalancer']>;
type PoolThread = Parameters<Balancer>[1][number];

/**
 * Replaces threads of a piscina pool between two documents, which the library itself cannot.
 *
 * 1. A thread that is near the limit of its heap finishes what it has begun and begins nothing more. It
 *    rejects what the pool sends it meanwhile with `NotBegun`, and the caller submits that again.
 * 2. Before its last answer it runs the task's teardown and sends `Retired`.
 * 3. From the first of these messages on, `balance` gives the thread nothing. Once the pool has all its
 *    answers, the thread is terminated, and the pool starts another one in its place.
 */
export class ThreadRetirement implements Replaced {
  #sent: number;
  #shares = false;
  #threads: readonly PoolThread[] = [];
  /** Threads that get nothing any more, by their id. */
  readonly #leaving = new Set<number>();
  readonly #ends = new Set<Promise<void>>();
  #count = 0;

  /** @param sent a thread has at most this many documents that it has not answered */
  constructor(sent: number) {
    this.#sent = sent;
  }

  /**
   * A thread has at most `sent` documents from now on.
   * @param shares true where a document that may be aborted may have others beside it in its thread
   */
  send(sent: number, shares: boolean): void {
    this.#sent = sent;
    this.#shares = shares;
  }

  get count(): number {
    return this.#count;
  }

  async ended(): Promise<void> {
    await Promise.all(this.#ends);
  }

  /** Chooses as piscina does by default, but never a thread that is leaving. */
  readonly balance: Balancer = (task, threads) => {
    let chosen: PoolThread | null = null;
    let least = this.#sent;
    for (const thread of threads) {
      if (this.#leaving.size > 0 && this.#leaving.has(thread.id)) continue;
      // Infinite when its only task may be aborted.
      const usage = this.#shares && thread.isRunningAbortableTask ? 1 : thread.currentUsage;
      if (usage === 0) return thread;
      if ((task.isAbortable && !this.#shares) || usage >= least) continue;
      chosen = thread;
      least = usage;
    }
    return chosen;
  };

  /** Follows the threads of a pool that has just been made. */
  watch(pool: Piscina): void {
    pool.on('workerCreate', (created: PoolThread) => {
      this.#threads = [...this.#threads.filter(({ destroyed }) => !destroyed), created];
    });
    pool.on('message', (message: Partial<Retired> | null) => {
      if (message?.kind !== 'retired') return;
      const { thread } = message as Retired;
      this.#leaving.add(thread);
      const end = this.#end(pool, thread).finally(() => {
        this.#ends.delete(end);
        this.#leaving.delete(thread);
      });
      this.#ends.add(end);
    });
  }

  /**
   * Returns the document if the pool rejected it because its thread is leaving, else null. When its bytes
   * were transferred, they have come back.
   */
  returned(cause: unknown, document: CarriedDocument): CarriedDocument | null {
    const { kind, thread, bytes } = (cause ?? {}) as Partial<NotBegun>;
    if (kind !== 'not begun') return null;
    this.#leaving.add(thread as number);
    return bytes ? { ...document, bytes } : document;
  }

  async #end(pool: Piscina, thread: number): Promise<void> {
    while (this.#threads.some(({ id, currentUsage }) => id === thread && currentUsage > 0))
      await setTimeout(1); // its last answers are on their way
    const worker = pool.threads.find(({ threadId }) => threadId === thread);
    if (worker === undefined) return; // it ended by itself, or the pool did
    this.#count++;
    await worker.terminate();
  }
}
