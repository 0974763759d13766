import type { Document } from '../workloads/workload.js';
import type { Outcome, Result, TaskError } from './strategy.js';

/** What a worker says of one document; times are on the machine's monotonic clock, in milliseconds. */
export type Reply = { readonly worker: number; readonly startedMs: number; readonly taskMs: number } & Result;

/** Joins the caller's side of a document (who it is, when it was pulled) with the worker's. */
export function outcome({ index, id }: Document, pulledMs: number, reply: Reply): Outcome {
  const { worker, startedMs, taskMs } = reply;
  const queuedMs = startedMs - pulledMs;
  return reply.status === 'ok'
    ? { index, id, worker, queuedMs, taskMs, status: 'ok', value: reply.value }
    : { index, id, worker, queuedMs, taskMs, status: reply.status, error: reply.error };
}

/** The worker that had the document ended before it answered. */
export function crashed({ index, id }: Pick<Document, 'index' | 'id'>, cause: unknown): Outcome {
  return { index, id, worker: null, queuedMs: null, taskMs: null, status: 'crashed', error: taskError(cause) };
}

/** Anything that was thrown, as plain data. */
export function taskError(cause: unknown): TaskError {
  if (!(cause instanceof Error)) return { name: 'NonError', message: printable(cause) };
  const { name, message, stack } = cause;
  return { name: String(name), message: String(message), ...(typeof stack === 'string' && { stack }) };
}

function printable(value: unknown): string {
  try {
    return typeof value === 'string' ? value : String(value);
  } catch {
    return Object.prototype.toString.call(value); // an object without a prototype cannot be made a string
  }
}
