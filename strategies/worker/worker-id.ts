import { isMainThread, threadId } from 'node:worker_threads';

/**
 * How a worker is named in outcomes and reports. Callers only compare these names: no code takes one apart. Two workers
 * of one session never have the same name.
 */

/** The caller's own thread, where it runs the tasks itself. */
export const mainWorker = 'main';

/** A worker thread of the caller's process. */
export const threadWorker = (id: number): string => `thread-${id}`;

/** A child process of the caller. */
export const processWorker = (pid: number): string => `process-${pid}`;

/** The worker that calls this: a child process on its main thread, or else a worker thread. */
export const thisWorker = (): string => (isMainThread ? processWorker(process.pid) : threadWorker(threadId));
