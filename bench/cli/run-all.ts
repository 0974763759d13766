import type { Outcome, Runner } from '../../index.js';
import { FileReader } from '../../strategies/session/file-reader.js';
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
  const inProgress = new InProgress<{ id: string; bytes: number; mtimeMs: number | undefined }>();
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
      else yield entry;
    }
    hasFoundAll = true;
    found(count);
  }
  const reader = new FileReader(documents(), { workers });
  stop.addEventListener('abort', () => void reader.return(), { once: true });
  async function* contents() {
    for await (const { item, bytes, state, cause } of reader) {
      if (cause !== null) append(item.id, failure({ id: item.id, cause }), stateNow(item.path));
      else {
        inProgress.add({ ...item, bytes: bytes.length, mtimeMs: state?.mtimeMs });
        yield { id: item.id, bytes };
      }
    }
  }
  const held = new HeldFailures(stop);
  own?.begin(() => inProgress.oldest(workers)); // documents begin in their order
  for await (const outcome of runner.process(contents(), { signal: broken })) {
    const { id, bytes, mtimeMs } = inProgress.take(outcome.index);
    reader.settle(bytes, outcome.taskMs);
    const source = mtimeMs === undefined ? null : { size: bytes, mtimeMs };
    if (isProtected || outcome.status === 'ok') append(id, outcome, source);
    else held.add(() => append(id, outcome, source));
  }
  await held.settle();
  return hasFoundAll && waiting === 0;
}

/** A document whose line was taken out runs again. */
function hasLine({ done }: Output, id: string): boolean {
  const place = done.find(id);
  return place !== null && done.stateAt(place) !== 'again';
}

function failure({ id, cause }: { readonly id: string; readonly cause: Error }): NotOk {
  return { id, status: 'failed', error: { name: cause.name, message: cause.message } };
}
