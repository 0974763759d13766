import type { Outcome, TaskError } from '../../strategies/strategy.js';
import { UnfitError } from '../errors.js';
import { jsonOf } from './json.js';

export type Status = Outcome['status'];

/** A document whose status is not `ok`. */
export interface NotOk {
  readonly id: string;
  readonly status: Exclude<Status, 'ok'>;
  readonly error: Pick<TaskError, 'name' | 'message'>;
}

/** The job remembers this of a line: everything but the value. */
export type LineRecord = { readonly id: string; readonly status: 'ok' } | NotOk;

/**
 * The line of one document, with its line feed. The id and the status come first, so they can be read without
 * the value.
 */
export function lineOf(
  id: string,
  result: Outcome | NotOk,
): { readonly line: string; readonly record: LineRecord } {
  const head = `{"id":${JSON.stringify(id)},"status":`;
  if (result.status === 'ok') {
    try {
      return { line: `${head}"ok","value":${jsonOf(result.value)}}\n`, record: { id, status: 'ok' } };
    } catch (cause) {
      const { name, message } = cause as Error;
      return lineOf(id, { id, status: 'failed', error: { name, message } });
    }
  }
  const { status, error } = result;
  return { line: `${head}"${status}","error":${jsonOf(error)}}\n`, record: { id, status, error } };
}

const shape = /^\{"id":("(?:[^"\\]|\\.)*"),"status":"(ok|failed|timed-out|crashed)",/;

/** Reads a line without its line feed. @throws UnfitError for a line that `lineOf` does not make */
export function readLine(
  line: string,
  { path, number }: { readonly path: string; readonly number: number },
): LineRecord {
  const [, quotedId, status] = shape.exec(line) ?? [];
  try {
    if (quotedId !== undefined && line.endsWith('}')) {
      const id: string = JSON.parse(quotedId);
      if (status === 'ok') return { id, status };
      const { error } = JSON.parse(line) as NotOk;
      return { id, status: status as NotOk['status'], error };
    }
  } catch {
    // It is no JSON: the error below says so.
  }
  throw new UnfitError(
    `"${path}" is damaged: line ${number} is none that \`forkwise run\` writes; ` +
      'remove the line, or choose another --out',
  );
}
