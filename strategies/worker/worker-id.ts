import { isMainThread, threadId } from 'node:worker_threads';

/**
 * These functions name workers in outcomes and reports. Callers only compare the names, and no code parses
 * one. Two workers of one session never have the same name.
 */

/** Names the caller's own thread, where it runs the tasks itself. */
export const mainWorker = 'main';

/** Names a worker thread of the caller's process. */
export const threadWorker = (id: number): string => `thread-${id}`;

/** Names a child process of the caller. */
export const processWorker = (pid: number): string => `process-${pid}`;

const own = isMainThread ? processWorker(process.pid) : threadWorker(threadId);

/** Names the worker that calls this: a child process on its main thread, or else a worker thread. */
export const thisWorker = (): string => own;
