import { taskError } from '../../strategies/session/task-error.js';
import { exitCode } from '../errors.js';

/** Errors with these names are no bugs of ours, and their messages say what to do. */
const codes: ReadonlyMap<string, number> = new Map([
  ['UsageError', exitCode.usage],
  ['RecommendationError', exitCode.usage],
  ['CorpusError', exitCode.invalid],
  ['WorkloadError', exitCode.invalid],
  ['UnfitError', exitCode.invalid],
  ['NoTemporaryFolder', exitCode.invalid],
  ['NoPackages', exitCode.invalid],
  ['RunError', exitCode.failed],
  ['NoBroker', exitCode.failed],
  ['NoAgent', exitCode.failed],
  ['RunLost', exitCode.failed],
]);

/** How a command ends that threw. */
export interface Failure {
  readonly code: number;
  /** A message that a person can act on, and a stack only for our own bugs. */
  readonly text: string;
}

/** @param thrown may be anything, because a task may have thrown it */
export function failureOf(thrown: unknown): Failure {
  const { name, message, stack } = taskError(thrown);
  const code = codes.get(name);
  if (code !== undefined) return { code, text: message };
  return { code: exitCode.internal, text: stack ?? `${name}: ${message}` };
}
