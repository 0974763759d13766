import type { Outcome } from '../../index.js';
import type { OpenSession } from '../../runner/create-runner.js';
import { runFiles } from '../../runner/run-files.js';
import type { WalkEntry } from '../../workloads/file-walk.js';
import type { FileState } from '../../workloads/read-file.js';
import { stateNow } from '../job/again.js';
import { HeldFailures } from '../job/held-failures.js';
import { InProgress } from '../job/in-progress.js';
import { InputOrder } from '../job/input-order.js';
import { type DocumentLine, lineOf, type NotOk } from '../job/line.js';
import type { Output } from '../job/output.js';
import { HeldBack } from './held-back.js';
import type { OwnProcess } from './own-process.js';
import type { LineOrder } from './run-request.js';

export interface RunAllOptions {
  readonly output: Output;
  readonly order: LineOrder;
  /** The lines name this group; absent: the job has no groups. */
  readonly group?: string;
  /** All documents were found: the job has this number of them. */
  readonly found: (documents: number) => void;
  readonly workers: number;
  /** Tasks run in processes that a terminal's Ctrl-C does not reach. */
  readonly isProtected: boolean;
  /** A signal has come: no further document begins, and failures that it may have caused get no line. */
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
  opened: OpenSession,
  batches: Iterable<readonly WalkEntry[]>,
  { output, order: lineOrder, group, found, workers, isProtected, stop, broken, own }: RunAllOptions,
): Promise<boolean> {
  const inProgress = new InProgress<WalkEntry & { readonly path: string | Buffer }>();
  let waiting = 0;
  let hasFoundAll = false;
  const write = (line: DocumentLine) => {
    output.append(line);
    waiting--;
  };
  const order = lineOrder === 'input' ? new InputOrder(write) : null;
  let isStopped = stop.aborted; // the signal's own property is slow to read for each document
  const stopWalk = () => {
    isStopped = true;
    order?.release();
    opened.circuit?.stop();
  };
  stop.addEventListener('abort', stopWalk, { once: true });
  function* documents() {
    let count = 0;
    for (const batch of batches)
      for (const entry of batch) {
        if (isStopped) return;
        count++;
        if (hasLine(output, entry.id)) continue;
        waiting++;
        if (entry.path === null) {
          const line = lineOf(entry.id, failure(entry), null, group);
          if (order === null) write(line);
          else order.found(line);
        } else {
          inProgress.add(entry);
          order?.pulled();
          yield entry;
        }
      }
    hasFoundAll = true;
    found(count);
  }
  const held = new HeldFailures(stop);
  own?.begin(() => inProgress.oldest(workers)); // documents begin in their order
  const append = (id: string, outcome: Outcome, source: FileState | null) => {
    const line = lineOf(id, outcome, source, group);
    if (order === null) write(line);
    else order.add(outcome.index, line);
  };
  const onOutcome = (outcome: Outcome) => {
    const { id, path } = inProgress.take(outcome.index);
    if (isProtected || outcome.status === 'ok') append(id, outcome, sourceOf(outcome, path));
    else held.add(() => append(id, outcome, sourceOf(outcome, path)));
  };
  const source = order === null ? documents() : new HeldBack(documents(), order);
  try {
    await runFiles(opened, source, { signal: broken, onOutcome });
    await held.settle();
  } finally {
    stop.removeEventListener('abort', stopWalk);
  }
  return hasFoundAll && waiting === 0;
}

/** A document whose line was taken out runs again. */
function hasLine({ tally: { done } }: Output, id: string): boolean {
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
