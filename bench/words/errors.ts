import type { TaskError } from '../../strategies/strategy.js';

/** The message of an error, with its code and with what caused it where the message does not say so. */
export function errorInWords({
  message,
  code,
  cause,
  errors = [],
}: Pick<TaskError, 'message' | 'code' | 'cause' | 'errors'>): string {
  const [first] = errors;
  const more = errors.length > 1 ? ` and ${errors.length - 1} more` : '';
  return [
    code === undefined || message.includes(String(code)) ? message : `${message} (${code})`,
    ...(first === undefined ? [] : [`${errorInWords(first)}${more}`]),
    ...(cause === undefined || message.includes(cause.message) ? [] : [`cause: ${errorInWords(cause)}`]),
  ].join('; ');
}
