import type { Outcome, Runner } from '../../index.js';
import type { WalkEntry } from '../../workloads/file-walk.js';
import type { FileState } from '../../workloads/read-file.js';
import { stateNow } from '../job/again.js';
import { HeldFailures } from '../job/held-failures.js';
import { InProgress } from '../job/in-progress.js';
import type { NotOk } from '../job/line.js';
import type { Output } from '../job/output.js';
import type { OwnProcess } from './own-process.js';

export interface RunAllOptions {
  readonly output: Output;
  /** One more document has its line. */
  readonly step: () => void;
  /** All documents were found: the job has this number of them. */
  readonly found: (documents: number) => void;
  readonly workers: number;
  /** Tasks run in processes that a terminal's Ctrl-C does not reach. */
  readonly isProtected: boolean;
  readonly stop: AbortSignal;
  readonly broken: AbortSignal;
  /** Null where tasks run in workers. */
  readonly own: OwnProcess | null;
}

/**
 * Runs every document of the job that has no line, and writes its line. The files are walked through while
 * documents run, so that there may be any number of them.
 * @returns true when every document has its line
 */
export async function runAll(
  runner: Runner,
  files: Iterable<WalkEntry>,
  { output, step, found, workers, isProtected, stop, broken, own }: RunAllOptions,
): Promise<boolean> {
  const inProgress = new InProgress<WalkEntry & { readonly path: string | Buffer }>();
  let waiting = 0;
  let hasFoundAll = false;
  const append = (id: string, result: Outcome | NotOk, source: FileState | null) => {
    output.append(id, result, source);
    waiting--;
    step();
  };
  function* documents() {
    let count = 0;
    for (const entry of files) {
      if (stop.aborted) return;
      count++;
      if (hasLine(output, entry.id)) continue;
      waiting++;
      if (entry.path === null) append(entry.id, failure(entry), null);
      else {
        inProgress.add(entry);
        yield entry;
      }
    }
    hasFoundAll = true;
    found(count);
  }
  const held = new HeldFailures(stop);
  own?.begin(() => inProgress.oldest(workers)); // documents begin in their order
  const onOutcome = (outcome: Outcome) => {
    const { id, path } = inProgress.take(outcome.index);
    if (isProtected || outcome.status === 'ok') append(id, outcome, sourceOf(outcome, path));
    else held.add(() => append(id, outcome, sourceOf(outcome, path)));
  };
  for await (const _ of runner.process(documents(), { signal: broken, onOutcome }));
  await held.settle();
  return hasFoundAll && waiting === 0;
}

/** A document whose line was taken out runs again. */
function hasLine({ done }: Output, id: string): boolean {
  const place = done.find(id);
  return place !== null && done.stateAt(place) !== 'again';
}

/** What the file was when it was read; what it is now, where the worker could not say so. */
function sourceOf({ size, mtimeMs }: Outcome, path: string | Buffer): FileState | null {
  return size === undefined || mtimeMs === undefined ? stateNow(path) : { size, mtimeMs };
}

function failure({ id, cause }: { readonly id: string; readonly cause: Error }): NotOk {
  return { id, status: 'failed', error: { name: cause.name, message: cause.message } };
}
