import type { Fallback, Outcome } from '../strategy.js';
import type { NotOk } from './outcome.js';
import { taskError } from './task-error.js';

/** The outcome of a document that has failed for good, with the value that it gets instead. */
export function withFallback(outcome: NotOk, fallback: Fallback): Outcome {
  const { status: _, error, ...rest } = outcome;
  try {
    const { index, id } = outcome;
    const value: unknown =
      typeof fallback === 'function' ? fallback(error, { index, id }) : structuredClone(fallback.value);
    return { ...rest, status: 'ok', value, fallback: true, error };
  } catch (cause) {
    // The document's own error says more than one of the fallback, which becomes its last cause.
    return { ...outcome, error: { ...error, cause: error.cause ?? taskError(cause) } };
  }
}
