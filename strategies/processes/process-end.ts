import { WorkerEnded } from '../session/task-error.js';
import type { TaskError } from '../strategy.js';

/** Describes the end of a process by the arguments of its `exit` event. */
export function processEnd(code: number | null, signal: string | null): WorkerEnded {
  const message = `worker process ended with ${signal ?? `exit code ${code}`}`;
  return new WorkerEnded(message, {
    ...(code !== null && { exitCode: code }),
    ...(signal !== null && { signal }),
  });
}

/**
 * Adds the error that the process has reported last. One that was killed may have survived that error before.
 */
export function withLastWords(ended: WorkerEnded, lastWords: TaskError | null): WorkerEnded {
  const { message, end } = ended;
  if (lastWords === null || end.exitCode === undefined) return ended;
  return new WorkerEnded(`${message}: ${lastWords.name}: ${lastWords.message}`, end, lastWords);
}
