import { taskError } from '../session/task-error.js';
import type { TaskError } from '../strategy.js';

/** A worker process sends this when an error that no code catches is about to end it. */
export interface LastWords {
  readonly kind: 'last words';
  readonly error: TaskError;
}

/** Its exit code alone would not say why this process ends. A task that handles such errors still does. */
export function sendLastWords(): void {
  process.on('uncaughtExceptionMonitor', (thrown) => {
    const words: LastWords = { kind: 'last words', error: taskError(thrown) };
    process.send?.(words, undefined, undefined, ignore);
  });
}

/** A parent that is gone ends this process anyway. */
const ignore = () => {};
