import type { Document } from '../../workloads/workload.js';
import { outOfMemoryCode } from '../processes/limits.js';
import type { FiledPart } from '../processes/result-file.js';
import type { Outcome, Result, TaskError } from '../strategy.js';
import { taskError } from './task-error.js';

/** The outcome of a document that has no value. */
export type NotOk = Extract<Outcome, { readonly status: 'failed' | 'timed-out' | 'crashed' }>;

/** A worker reports this about one document. Times are on the machine's monotonic clock, in milliseconds. */
export type Reply = {
  readonly worker: string;
  /** Absent where the worker is on another machine, whose clock cannot be compared with the caller's. */
  readonly startedMs?: number;
  readonly taskMs: number;
  /** The worker read this many bytes. Absent for a document that had its bytes, and when nothing was read. */
  readonly size?: number;
  /** The file that the worker read was changed at this time; absent for all other documents. */
  readonly mtimeMs?: number;
  /** True where buffers of the value were moved from another thread; else absent. */
  readonly hasMoved?: true;
  /** Absent where the document was tried once and waited for nothing. */
  readonly served?: Served;
  /** Parts of the value that are in the worker's file; absent where there are none. */
  readonly filed?: readonly FiledPart[];
} & Result;

/** What services have to do with an outcome. */
export type Served = Pick<Outcome, 'tries' | 'waitedMs' | 'cachedMs'>;

/** A reply that comes from the same machine, where all workers and the caller read one clock. */
export type LocalReply = Reply & {
  readonly startedMs: number;
  /** Buffers in the value that are moved with the message that has it; absent where there are none. */
  readonly moved?: readonly ArrayBuffer[];
};

/** Joins what the caller knows of a document (its id, when it was pulled) with the worker's reply. */
export function outcome({ index, id }: Document, pulledMs: number, reply: Reply): Outcome {
  const { worker, startedMs, taskMs } = reply;
  const queuedMs = startedMs === undefined ? null : startedMs - pulledMs;
  const found: Outcome =
    reply.status === 'ok'
      ? { index, id, worker, queuedMs, taskMs, status: 'ok', value: reply.value }
      : { index, id, worker, queuedMs, taskMs, status: reply.status, error: reply.error };
  if (reply.served !== undefined) withServed(found, reply.served);
  return reply.size === undefined ? found : withRead(found, reply);
}

/** Adds what the worker has read to the outcome of a document by reference. */
export function withRead(
  outcome: Mutable<Outcome>,
  { size, mtimeMs }: Pick<Reply, 'size' | 'mtimeMs'>,
): Outcome {
  // The outcome is changed in place: a copy takes longer than a short task.
  if (size !== undefined) outcome.size = size;
  if (mtimeMs !== undefined) outcome.mtimeMs = mtimeMs;
  return outcome;
}

/** What services have to do with an outcome; absent where they have nothing. */
export function servedIn({ tries, waitedMs, cachedMs }: Outcome): { readonly served?: Served } {
  if (tries === undefined && waitedMs === undefined && cachedMs === undefined) return {};
  return {
    served: {
      ...(tries !== undefined && { tries }),
      ...(waitedMs !== undefined && { waitedMs }),
      ...(cachedMs !== undefined && { cachedMs }),
    },
  };
}

/** Adds what services have to do with the outcome. */
export function withServed(outcome: Mutable<Outcome>, { tries, waitedMs, cachedMs }: Served): Outcome {
  if (tries !== undefined && tries > 1) outcome.tries = tries;
  if (waitedMs !== undefined && waitedMs > 0) outcome.waitedMs = waitedMs;
  if (cachedMs !== undefined) outcome.cachedMs = cachedMs;
  return outcome;
}

/** An object whose maker still adds to it. */
export type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/** The document never ran, because it is none that the session takes. */
export function refused({ index, id }: Pick<Document, 'index' | 'id'>, cause: unknown): Outcome {
  const { stack: _, ...error } = taskError(cause); // it would show our code
  return { index, id, worker: null, queuedMs: null, taskMs: null, status: 'failed', error };
}

/**
 * The worker that had the document ended before it answered.
 * @param attempts how many workers the document has ended; absent where it is not certain that it has ended
 * one
 */
export function crashed(
  { index, id }: Pick<Document, 'index' | 'id'>,
  cause: unknown,
  attempts?: number,
): Outcome {
  const error = { ...taskError(cause), ...memoryOf(cause), ...(attempts !== undefined && { attempts }) };
  return crashedWith({ index, id }, error);
}

export function crashedWith({ index, id }: Pick<Document, 'index' | 'id'>, error: TaskError): Outcome {
  return { index, id, worker: null, queuedMs: null, taskMs: null, status: 'crashed', error };
}

/** The caller has cancelled the document, and discards this outcome: see `cancelling.ts`. */
export function cancelled({ index, id }: Pick<Document, 'index' | 'id'>): Outcome {
  const error = { name: 'AbortError', message: 'the document was cancelled' };
  return { index, id, worker: null, queuedMs: null, taskMs: null, status: 'failed', error };
}

/** The task ran longer than it may, and its worker was ended. */
export function timedOut({ index, id }: Pick<Document, 'index' | 'id'>, timeoutMs: number): Outcome {
  const error = timeoutError(timeoutMs);
  return { index, id, worker: null, queuedMs: null, taskMs: null, status: 'timed-out', error };
}

/**
 * A worker is ended this much after a document's time is over, ms. A task that passes its signal on ends by
 * itself in this time, and keeps its worker.
 */
export const abortGraceMs = 100;

export function timeoutError(timeoutMs: number): TaskError {
  return { name: 'TimeoutError', message: `the task was still running after ${timeoutMs} ms` };
}

/** Node's own error says so when a thread's heap was full. */
function memoryOf(cause: unknown): Pick<TaskError, 'outOfMemory'> {
  const isFull = (cause as { code?: unknown } | null | undefined)?.code === outOfMemoryCode;
  return isFull ? { outOfMemory: true } : {};
}
