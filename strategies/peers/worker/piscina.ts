import Piscina from 'piscina';
import { loadWorkload } from '../../../workloads/load-workload.js';
import type { Document } from '../../../workloads/workload.js';
import { taskError } from '../../session/task-error.js';
import type { TaskError } from '../../strategy.js';
import { thisWorker } from '../../worker/worker-id.js';
import type { PeerTask } from '../peer-task.js';
import { plainContexts } from './plain-context.js';

const ref = Piscina.workerData as PeerTask;
const workload = await loadWorkload(ref);
const state = await workload.setup?.(ref.options);
const stop = new AbortController();
const contextOf = plainContexts(ref, { state, signal: stop.signal });

/**
 * Carries an error of the task as a value. piscina rejects in the same way for such an error and for the end
 * of the thread, and only the wording of the message would tell them apart.
 */
export interface TaskFailure {
  readonly forkwiseTaskError: TaskError;
}

const failed = (cause: unknown): TaskFailure => ({ forkwiseTaskError: taskError(cause) });

/**
 * Runs the task itself, and answers requests by which the pool tells one worker that is ready from another.
 */
export default function run(request: Document | 'report' | 'goodbye'): unknown {
  if (typeof request === 'string') return answer(request);
  try {
    const result = workload.default(request, contextOf(request));
    return result instanceof Promise ? result.catch(failed) : result;
  } catch (cause) {
    return failed(cause);
  }
}

async function answer(request: 'report' | 'goodbye'): Promise<{ id: string }> {
  if (request === 'goodbye') {
    stop.abort();
    await workload.teardown?.(state);
  }
  return { id: thisWorker() };
}
