import { memberOf, messageOf } from '../thrown.js';

/** A call of a stage failed. The outcome's error has these members, the same from every strategy. */
export class StageError extends Error {
  override readonly name: string = 'StageError';
  /** The stage has this name. */
  readonly stage: string;
  /** The document that the stage was working on has this id. */
  readonly document: string;
  declare readonly code?: string | number;

  constructor({ stage, document }: { stage: string; document: string }, cause: unknown) {
    super(`stage "${stage}": ${messageOf(cause)}`, { cause });
    this.stage = stage;
    this.document = document;
    const code = memberOf(cause, 'code');
    if (typeof code === 'string' || typeof code === 'number') this.code = code;
    delete this.stack; // it would show our code; that of the cause shows where the task threw
  }
}

/** A call of a stage took longer than its `timeoutMs`; the document's outcome is `timed-out`. */
export class StageTimeout extends StageError {
  override readonly name = 'TimeoutError';

  constructor(of: { stage: string; document: string }, timeoutMs: number) {
    super(of, `the stage was still running after ${timeoutMs} ms`);
    delete this.cause;
  }
}

/** The `setup` or `teardown` of a stage failed. */
export function hookError({ stage, hook }: { stage: string; hook: string }, cause: unknown): Error {
  const error = new Error(`\`${hook}\` of stage "${stage}": ${messageOf(cause)}`, { cause });
  delete error.stack; // it would show our code
  return error;
}
