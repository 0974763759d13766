import type { TaskError } from '../strategy.js';
import { taskError } from './task-error.js';

/**
 * Reports ends of workers that no outcome shows: their documents ran again and are done, or they had none.
 * Something is wrong with the task all the same. The first such end of a session gives a warning.
 */
export class HiddenEnds {
  readonly #say: (end: TaskError) => void;
  #said = false;

  /** @param say gets the first end. A session inside a worker process tells its parent, which warns. */
  constructor(say = warn) {
    this.#say = say;
  }

  report(cause: unknown): void {
    if (this.#said) return;
    this.#said = true;
    this.#say(taskError(cause));
  }
}

function warn({ name, message }: TaskError): void {
  const reason = name === 'Error' ? message : `${name}: ${message}`;
  process.emitWarning(
    `a worker ended and was replaced, although no document failed: ${reason} (reported once per session)`,
  );
}
