import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { heapLimitMb } from '../../../strategies/processes/limits.js';
import { printToStandardError } from '../../../strategies/processes/task-output.js';
import {
  type LeftOut,
  type LeftOutCounts,
  leftOutText,
  nothingLeftOut,
} from '../../../workloads/file-walk.js';
import { compileTask } from '../../../workloads/task-file.js';
import type { JobFile } from '../../config/job-file.js';
import { exitCode, type RunError } from '../../errors.js';
import { optionsOf, planOf } from '../../groups/plan.js';
import { compileReduce, type Reducer, type Reduction, reduce } from '../../groups/reduce.js';
import { type Earlier, findEarlier } from '../../job/again.js';
import { OutFile } from '../../job/out-file.js';
import type { Output, OutputOptions } from '../../job/output.js';
import { jobProgressOn } from '../../job/progress.js';
import { Shards } from '../../job/shards/shards.js';
import type { Job } from '../../job/sidecar.js';
import { type Summary, summaryData, summaryText } from '../../job/summary.js';
import type { Tally } from '../../job/tally.js';
import { commandLine } from '../folder.js';
import { JobFiles } from '../job-files.js';
import { type OwnProcess, watchOwnProcess } from '../own-process.js';
import { type GivenRunFlags, type Target, taskOf } from '../run-request.js';
import { runRest } from '../run-rest.js';
import { perWorkerOf, runSettings } from '../run-settings.js';
import { isolatingNames, refuse } from '../run-strategy.js';
import { handleSignals } from '../signals.js';
import { keepStandardOutput, note, print } from '../terminal.js';

/** A job that ends before its first document may take this time to remove its run from the broker, ms. */
const withdrawMs = 1000;

export interface RunContext {
  readonly version: string;
  readonly job: JobFile | null;
  readonly command: Command;
}

/**
 * `forkwise run`: processes every file of a folder with one strategy and writes a line per file, into one
 * file or into shards. The same command resumes a job that was stopped.
 * @returns the exit code.
 */
export async function runDocuments(
  given: GivenRunFlags,
  { version, job, command }: RunContext,
): Promise<number> {
  const plan = job === null ? null : planOf(job);
  if (job !== null && plan !== null) {
    const { runGroups } = await import('./groups.js');
    return runGroups(given, { version, job, plan, command });
  }
  const settings = await runSettings(given, job);
  const { flags, traits, options, again, graceMs, reducePath } = settings;
  const { target } = flags;
  const printResult = flags.json ? keepStandardOutput() : print;
  if (flags.json) printToStandardError();
  const { ref, file, export: name, sha256 } = await compileTask(taskOf(options.task));
  if (flags.force === undefined) await refuse({ name: ref.name, sha256 }, options);
  const reducer = reducePath === null ? null : await compileReduce(reducePath);
  const broken = new AbortController();
  const files = new JobFiles(flags.docs, target);
  const subject = { task: { file, export: name, sha256 }, docs: flags.docs, root: files.root };
  const progress = jobProgressOn(process.stderr, { isStaged: traits.staged === true });
  const output = outputOf(target, subject, {
    forkwise: version,
    failed: (error) => broken.abort(error),
    written: (lines) => progress.step(lines, output.tally.notOkCount),
    ...files.earlierIds(flags),
  });
  const { tally } = output;
  let own: OwnProcess | null = null;
  let hasBegun = false;
  const begun = () => {
    hasBegun = true;
  };
  const signals = handleSignals({
    orderly() {
      if (!hasBegun) {
        note(`stopped before the first document; to go on: ${commandLine()}`);
        return settings.broker === null ? false : withdrawMs;
      }
      progress.say('finishing the documents that are under way; once more ends them at once');
      return true;
    },
    atOnce() {
      void own?.end();
      try {
        output.close();
      } catch (cause) {
        note((cause as RunError).message);
      }
    },
    graceMs,
  });
  try {
    const walk = (leftOut: LeftOutCounts) => files.all({ pathIds: output.hasPathIds, leftOut });
    const earlierLeftOut = nothingLeftOut();
    const earlier = tally.documents === 0 ? null : findEarlier(walk(earlierLeftOut), tally.done, again);
    if (earlier !== null) {
      if (earlier.again > 0) output.dropAgain();
      tally.leaveOutVanished();
      noteLeftOut(earlierLeftOut);
      noteEarlier(earlier, tally);
    }
    const before = tally.documents;
    const changed = again.changed ? 0 : (earlier?.changed ?? 0);
    if (changed > 0) note(`${changedText(changed)}; to run them again: --changed run`);
    const isDone = earlier !== null && earlier.done - earlier.again === earlier.all;
    if (!isDone && traits.isolation === 'none') own = watchOwnProcess({ output, isolating: isolatingNames });
    const events = { stop: signals.signal, broken: broken.signal, begun };
    const ran = isDone
      ? null
      : await runRest({ settings, task: ref, output, progress, walk, earlier, own, ...events });
    const leftOut = ran?.found?.leftOut ?? earlierLeftOut;
    if (earlier === null) noteLeftOut(leftOut);
    const complete = ran?.complete ?? true;
    output.finish(complete);
    const { counts, notOk, vanished } = tally;
    const summary: Summary = {
      out: target.path,
      ...(output instanceof Shards && { shards: output.shards.length }),
      strategy: options.strategy,
      workers: settings.broker === null ? options.workers : null,
      ...perWorkerOf(options),
      documents: ran?.found?.documents ?? earlier?.all ?? tally.documents,
      earlier: before,
      changed,
      leftOut,
      vanished,
      counts,
      fallbacks: tally.fallbacks,
      notOk,
      workersReplaced: ran?.workersReplaced ?? 0,
      ...(ran?.adaptive !== undefined && { adaptive: ran.adaptive }),
      ...(ran?.cache !== undefined && { cache: ran.cache }),
      elapsedMs: ran?.elapsedMs ?? 0,
      complete,
    };
    printResult(flags.json ? `${JSON.stringify(summaryData(summary), null, 2)}\n` : summaryText(summary));
    if (!complete && ran !== null && ran.serviceFailure !== null) {
      note(
        `stopped, because the service of the task fails every document (${ran.serviceFailure}); ` +
          `to go on when it works again: ${commandLine()} --retry failed`,
      );
      return exitCode.failed;
    }
    if (!complete) {
      note(`stopped; to go on: ${commandLine()}`);
      return exitCode.interrupted;
    }
    if (reducer !== null) await reduceLines(target.path, reducer, optionsOf(job) ?? {});
    return notOk.length === 0 ? exitCode.ok : exitCode.failed;
  } catch (cause) {
    if (signals.signal.aborted && !hasBegun) return exitCode.interrupted; // it has said so
    throw cause;
  } finally {
    await own?.end();
    signals.end();
    output.close();
  }
}

/** @throws UsageError, UnfitError and RunError as the constructors do */
function outputOf(
  target: Target,
  job: Job,
  options: OutputOptions & ReturnType<JobFiles['earlierIds']>,
): Output {
  return target.kind === 'out'
    ? new OutFile(target.path, job, options)
    : new Shards(target.path, job, { ...options, ...target.options });
}

/** Reduces the outcomes of a job that is done. The result is beside them. @throws RunError */
async function reduceLines(out: string, reducer: Reducer, options: Reduction['options']): Promise<void> {
  const path = `${out}.reduced.json`;
  const { signal } = new AbortController();
  const text = await reduce(
    reducer,
    { files: [out], group: null, options },
    { heapMb: heapLimitMb(1), signal },
  );
  writeFileSync(path, `${text}\n`);
  note(`reduced: ${path}`);
}

/** Says what there is of the job. */
function noteEarlier({ all, done, again }: Earlier, { documents, vanished: gone }: Tally): void {
  if (again > 0)
    note(`${again} ${again === 1 ? 'document that has a line runs' : 'documents that have lines run'} again`);
  if (documents + gone === 0) return;
  const one = '; 1 line belongs to a document that no longer exists';
  const several = `; ${gone} lines belong to documents that no longer exist`;
  const removed = gone === 0 ? '' : gone === 1 ? one : several;
  const those = all === 1 ? 'document has its line' : 'documents have their lines';
  note(`going on: ${done - again} of ${all} ${those}${removed}`);
}

function noteLeftOut(leftOut: LeftOut): void {
  const left = leftOutText(leftOut);
  if (left !== null) note(`left out: ${left}`);
}

function changedText(count: number): string {
  return count === 1
    ? '1 document has changed since it was read'
    : `${count} documents have changed since they were read`;
}
