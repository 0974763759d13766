import {
  type Context,
  type Document,
  loadWorkload,
  type Views,
  type WorkloadRef,
} from '../../workloads/workload.js';
import { type LocalReply, taskError } from '../session/outcome.js';
import type { Result } from '../strategy.js';
import { now } from './clock.js';
import { uncloneable } from './cloneable.js';
import { snapshot, snapshotOfShared } from './snapshot.js';

/** A workload that is loaded and set up on this thread: what every strategy runs, wherever it runs it. */
export interface OpenTask {
  /** What the task wants of documents in shared memory. */
  readonly views: Views;
  /** Never throws and never rejects. A task that does not wait is answered without a promise. */
  run(document: Document): LocalReply | Promise<LocalReply>;
  close(): Promise<void>;
}

/**
 * Loads the workload and runs its `setup`.
 * @param worker how this thread or process is named in outcomes.
 * @param results `live`: the very values the task returned, for whoever passes them on at once; `snapshot`: copies,
 * for whoever passes them on in bulk.
 */
export async function openTask(
  ref: WorkloadRef,
  worker: string,
  results: 'live' | 'snapshot' = 'live',
): Promise<OpenTask> {
  const workload = await loadWorkload(ref);
  const state = await workload.setup?.(ref.options);
  const views = workload.views ?? 'copy';
  const take = results === 'live' ? live : taken(views === 'copy' ? snapshot : snapshotOfShared);
  const stop = new AbortController();
  const context: Context = { state, options: ref.options, signal: stop.signal };
  return {
    views,
    run(document) {
      const startedMs = now();
      const reply = (result: Result): LocalReply => ({
        worker,
        startedMs,
        taskMs: now() - startedMs,
        ...result,
      });
      try {
        const value = workload.default(document, context);
        if (!isThenable(value)) return reply(take(value));
        return Promise.resolve(value).then(
          (value) => reply(take(value)),
          (cause: unknown) => reply(failed(cause)),
        );
      } catch (cause) {
        return reply(failed(cause));
      }
    },
    async close() {
      stop.abort();
      await workload.teardown?.(state);
    },
  };
}

/** A value that only some strategies could bring back must read the same from all of them. */
function live(value: unknown): Result {
  const where = uncloneable(value);
  if (where === null) return { status: 'ok', value };
  const message = `the task's result cannot be cloned to another thread or process: ${where}`;
  return { status: 'failed', error: { name: 'DataCloneError', message } };
}

function taken(copyOf: (value: unknown) => unknown): (value: unknown) => Result {
  return (value) => {
    try {
      return { status: 'ok', value: copyOf(value) };
    } catch (cause) {
      const refused = live(value); // which says what part it was
      return refused.status === 'ok' ? failed(cause) : refused;
    }
  };
}

function failed(cause: unknown): Result {
  return { status: 'failed', error: taskError(cause) };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  );
}
