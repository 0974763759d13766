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
  #seenMs: number | null = null;
  #ended = false;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** A worker that is ready has this call. */
  see(): void {
    this.#seenMs ??= now();
    if (this.#ended || now() - this.#seenMs < this.#limitMs) return;
    this.#ended = true;
    this.asked?.timeout(0); // the library then ends the worker, too
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
      for (const call of Object.values(processing))
        if (call?.options instanceof LimitedCall) call.options.see();
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
