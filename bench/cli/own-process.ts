import { taskError } from '../../strategies/session/task-error.js';
import { exitCode } from '../errors.js';
import type { Output } from '../job/output.js';
import { endNow } from './end-process.js';
import { colorsFor, note } from './terminal.js';

/** A job whose tasks run in its own process, where they can end it. */
export interface JobInOwnProcess {
  /** Is closed, so that the lines that wait are written. */
  readonly output: Pick<Output, 'intact' | 'close'>;
  /** Returns the names of the strategies with workers, where an error ends a worker and not the job. */
  readonly isolating: () => Promise<readonly string[]>;
}

/** The watch over a job in its own process. */
export interface OwnProcess {
  /** Documents run from now on. @param running returns the ids of the documents in progress */
  begin(running: () => readonly string[]): void;
  /** The job is done. The promise does not resolve when the process is about to end. */
  end(): Promise<void>;
}

/** A message names at most this many documents. */
const maxNamed = 8;
const neverSettled = 'never settled, and nothing is left that could settle it';

/**
 * Says why a job ends whose process a task has ended: by an error that no code catches, thrown in a timer or
 * by a promise that is not awaited, by `process.exit`, or by a promise that nothing can settle any more. The
 * exit code is the one that Node gives; a task that ends the process before its first document is invalid.
 */
export function watchOwnProcess(job: JobInOwnProcess): OwnProcess {
  let ending = false;
  let isDone = false;
  /** Null while the task is loaded and set up. */
  let running: (() => readonly string[]) | null = null;
  const { output } = job;
  let save = () => output.close();
  const say = (what: string, ...more: string[]) =>
    note([`${colorsFor(process.stderr).red('error:')} ${what}`, ...more].join('\n'));
  const goesOn = `${sentence(output.intact)}, and the same command goes on.`;
  const explain = (how: string, isolating: readonly string[], ids: readonly string[] | undefined) => {
    if (ids === undefined) return say(`${how} while the task was loaded or in \`setup\``);
    const instead =
      isolating.length === 0 ? 'With a strategy that has workers' : `With --strategy ${isolating.join(', ')}`;
    say(
      `${how}, and so ended the job: the task ran in its process`,
      inProgress(ids),
      goesOn,
      `${instead}, only a worker would have ended.`,
    );
  };
  const onError = async (thrown: unknown, origin: NodeJS.UncaughtExceptionOrigin) => {
    if (ending || process.listenerCount('uncaughtException') > 1) return; // the task handles such errors
    ending = true;
    const ids = running?.();
    const { name, message, stack } = taskError(thrown);
    const what = origin === 'unhandledRejection' ? 'a promise rejected' : 'an error was thrown';
    // A job that is done has little time left, and is not run again with another strategy.
    const names = isDone || ids === undefined ? [] : await namesOf(job);
    trySave(save);
    explain(`${what} that no code handles (${name}: ${message})`, names, ids);
    if (stack !== undefined) note(stack);
    endNow(ids === undefined ? exitCode.invalid : exitCode.internal);
  };
  const onExit = (code: number) => {
    if (ending) return;
    trySave(save);
    explain(`the task called process.exit(${code})`, [], running?.());
    if (running === null) process.exitCode = exitCode.invalid;
    // The documents that are left did not run, so this was no success.
    else if (code === 0) process.exitCode = exitCode.internal;
  };
  // The event loop is empty although the job is not done, so whatever it waits for never comes.
  const onEmpty = () => {
    if (ending) return;
    ending = true;
    trySave(save);
    const ids = running?.();
    if (ids === undefined) say(`the task's module (a top-level await) or its \`setup\` ${neverSettled}`);
    else
      say(
        `the task's promise${ids.length === 0 ? '' : ` for ${namedIn(ids)}`} ${neverSettled}`,
        goesOn,
        'Look for a callback that is never called. With --timeout the document ends as timed-out instead.',
      );
    endNow(ids === undefined ? exitCode.invalid : exitCode.internal);
  };
  process.on('uncaughtException', onError);
  process.on('exit', onExit);
  process.on('beforeExit', onEmpty);
  return {
    begin(ids) {
      running = ids;
    },
    async end() {
      // What the last document has left behind may still throw.
      process.off('exit', onExit).off('beforeExit', onEmpty);
      running = () => [];
      save = () => {};
      isDone = true;
      if (ending) await new Promise(() => {});
    },
  };
}

function sentence(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}`;
}

async function namesOf({ isolating }: JobInOwnProcess): Promise<readonly string[]> {
  try {
    return await isolating();
  } catch {
    return []; // the message is needed all the same
  }
}

function trySave(save: () => void): void {
  try {
    save();
  } catch (cause) {
    note((cause as Error).message);
  }
}

function inProgress(ids: readonly string[]): string {
  if (ids.length === 0) return 'No document was in progress: an earlier one has left this behind.';
  return `In progress: ${namedIn(ids)}. An earlier document may be the cause as well.`;
}

function namedIn(ids: readonly string[]): string {
  const named = ids.slice(0, maxNamed).map((id) => `"${id}"`);
  return named.join(', ') + (ids.length > named.length ? ` and ${ids.length - named.length} more` : '');
}
