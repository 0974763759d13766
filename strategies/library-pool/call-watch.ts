import type { ChildProcess } from 'node:child_process';
import { clearInterval, setInterval } from 'node:timers';
import type { Pool } from 'workerpool';
import { now } from '../worker/clock.js';

/**
 * workerpool keeps this about one of its workers. Its type definitions leave it out; the library's own tests
 * read it.
 */
export interface PoolWorker {
  /** Null when the library has ended it. */
  readonly worker: (ChildProcess & { readonly ready?: boolean }) | null;
  /** The calls that it has, by their number, each with the options that `exec` got. */
  readonly processing: Readonly<Record<number, PoolCall | undefined>>;
  /** The calls that were given up, until it is clear whether the worker ends. */
  readonly tracking: Readonly<Record<number, unknown>>;
  readonly cleaning: boolean;
  /** Tells the pool whether the worker gets no further call now. */
  busy(): boolean;
  /** Messages that the library sends when the worker is ready. */
  readonly requestQueue: unknown[];
  /** Gives the worker a call, whether it is in the pool's list or not. */
  exec(method: string, parameters: readonly unknown[]): PromiseLike<unknown>;
}

interface PoolCall {
  readonly options?: unknown;
  readonly resolver: { readonly promise: PromiseLike<unknown> };
}

export function workersOf(pool: Pool): readonly PoolWorker[] {
  return (pool as unknown as { readonly workers: readonly PoolWorker[] }).workers;
}

/** Counts the calls that the worker has. */
export function callsOf({ processing }: PoolWorker): number {
  return Object.keys(processing).length;
}

/**
 * Lets the pool's workers have several calls at the same time, which workerpool (10.0.3) has no option for:
 * it asks each worker whether it is busy. The worker with the fewest calls gets the next one.
 * @param limit the number of calls that a worker may have now
 */
export function shareWorkers(pool: Pool, limit: () => number): void {
  for (const worker of workersOf(pool)) {
    if (Object.hasOwn(worker, 'busy')) continue;
    worker.busy = () => {
      const calls = callsOf(worker);
      return (
        worker.cleaning ||
        Object.keys(worker.tracking).length > 0 ||
        calls >= limit() ||
        (calls > 0 && workersOf(pool).some((other) => callsOf(other) < calls))
      );
    };
  }
}

/** True when some worker has been started and has not loaded its workload yet. */
export function isStarting(workers: readonly PoolWorker[]): boolean {
  return workers.some(
    ({ worker }) =>
      worker !== null && !worker.ready && worker.exitCode === null && worker.signalCode === null,
  );
}

/** Returns the worker that has the call with these options; undefined while it waits in the pool's queue. */
export function workerWith(options: object, workers: readonly PoolWorker[]): PoolWorker | undefined {
  return workers.find(({ processing }) =>
    Object.values(processing).some((call) => call?.options === options),
  );
}

/** A call that has a time limit. workerpool keeps it as the options of the call. */
export class LimitedCall {
  /** The library gave this promise for the call. */
  asked: { timeout(ms: number): unknown } | null = null;
  readonly #limitMs: number;
  /** The index of its document; null for another request. */
  readonly index: number | null;
  #seenMs: number | null = null;
  #ended = false;

  constructor(limitMs: number, index: number | null) {
    this.#limitMs = limitMs;
    this.index = index;
  }

  /** The call's time begins again. */
  touch(): void {
    this.#seenMs = now();
  }

  /**
   * A worker that is ready has this call.
   * @param isAlone false when it has others, too: then the worker is ended, and none of them is to blame
   */
  see(worker: ChildProcess, isAlone: boolean): void {
    this.#seenMs ??= now();
    if (this.#ended || now() - this.#seenMs < this.#limitMs) return;
    this.#ended = true;
    if (isAlone)
      this.asked?.timeout(0); // the library then ends the worker, too
    else worker.kill('SIGKILL');
  }
}

/**
 * Ends calls that a worker has had for too long. A call counts from when it is first seen on a worker that is
 * ready. The library's own limit would count from when a worker gets the call, and workers that are still
 * starting get calls, too.
 */
export class CallWatch {
  readonly #workers: () => readonly PoolWorker[];
  readonly #timer: NodeJS.Timeout;

  /** Looks eight times per time limit, so that a task can exceed it by an eighth at most. */
  constructor(workers: () => readonly PoolWorker[], timeoutMs: number) {
    this.#workers = workers;
    this.#timer = setInterval(() => this.look(), Math.max(1, Math.min(timeoutMs / 8, 250)));
    this.#timer.unref();
  }

  look(): void {
    for (const { worker, processing } of this.#workers()) {
      if (!worker?.ready) continue;
      const calls = Object.values(processing);
      for (const call of calls)
        if (call?.options instanceof LimitedCall) call.options.see(worker, calls.length === 1);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
