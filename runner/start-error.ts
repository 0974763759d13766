import { WorkerEnded } from '../strategies/session/task-error.js';
import { WorkloadError, type WorkloadRef } from '../workloads/workload.js';

/**
 * Returns the error of a session that did not open. A worker that ends before it is ready runs the module of
 * the task or its `setup`, so the task has ended it. Other errors are returned as they are.
 */
export function startError({ name }: WorkloadRef, cause: unknown): unknown {
  if (!(cause instanceof WorkerEnded) || Object.keys(cause.end).length === 0) return cause;
  const isExit = cause.end.exitCode !== undefined && cause.reason === null;
  const hint = isExit ? '; look for process.exit in the module and in `setup`' : '';
  return new WorkloadError(
    `task module "${name}" ended its worker while it loaded: ${cause.message}${hint}`,
    {
      cause,
    },
  );
}
