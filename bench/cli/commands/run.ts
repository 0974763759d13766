import { createRunner, type Runner, type RunnerOptions } from '../../../index.js';
import { findStrategy } from '../../../runner/open-strategy.js';
import { refuseInFlight } from '../../../runner/refusal.js';
import { strategies } from '../../../strategies/index.js';
import { printToStandardError } from '../../../strategies/processes/task-output.js';
import {
  isolates,
  type Outcome,
  type Strategy,
  type StrategyEntry,
  type StrategyTraits,
} from '../../../strategies/strategy.js';
import { leftOutText } from '../../../workloads/file-walk.js';
import { listFiles } from '../../../workloads/files.js';
import { type FileState, stateOf } from '../../../workloads/read-file.js';
import { compileTask } from '../../../workloads/task-file.js';
import { exitCode, type RunError } from '../../errors.js';
import { findEarlier } from '../../job/again.js';
import { HeldFailures } from '../../job/held-failures.js';
import type { NotOk } from '../../job/line.js';
import { Output } from '../../job/output.js';
import { type JobProgress, jobProgressOn } from '../../job/progress.js';
import { JobReader } from '../../job/read.js';
import { type Summary, summaryData, summaryText } from '../../job/summary.js';
import { parseDuration } from '../../words/parse.js';
import { commandLine } from '../folder.js';
import { earlierIds, filesOf, type RunFile } from '../job-files.js';
import { type OwnProcess, watchOwnProcess } from '../own-process.js';
import { againOf, type RunFlags, runnerOptions, taskOf } from '../run-request.js';
import { handleSignals } from '../signals.js';
import { colorsFor, keepStandardOutput, note, print } from '../terminal.js';

/**
 * `forkwise run`: processes every file of a folder with one strategy and writes a line per file. The same
 * command resumes a job that was stopped.
 * @returns the exit code.
 */
export async function runDocuments(
  flags: RunFlags,
  { version }: { readonly version: string },
): Promise<number> {
  const chosen = runnerOptions(flags);
  const traits = await traitsOf(chosen.strategy);
  const options = { ...chosen, workers: traits.scales ? chosen.workers : 1 };
  const again = againOf(flags);
  const graceMs = parseDuration(flags.grace);
  const printResult = flags.json ? keepStandardOutput() : print;
  if (flags.json) printToStandardError();
  const { ref, file, export: name, sha256 } = await compileTask(taskOf(options.task));
  if (flags.force === undefined) await refuse({ name: ref.name, sha256 }, options);
  const broken = new AbortController();
  const list = listFiles(flags.docs);
  const left = leftOutText(list.leftOut);
  if (left !== null) note(`left out: ${left}`);
  const job = { task: { file, export: name, sha256 }, docs: flags.docs, root: list.root };
  const output = Output.open(flags.out, job, {
    forkwise: version,
    failed: (error) => broken.abort(error),
    ...earlierIds(list, flags),
  });
  const progress = jobProgressOn(process.stderr);
  const saved = { out: flags.out, save: () => output.close() };
  let own: OwnProcess | null = null;
  const signals = handleSignals({
    orderly() {
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
    const all = filesOf(list, { out: flags.out, pathIds: output.hasPathIds });
    const earlier = findEarlier(all, output.done, again);
    output.drop(earlier.again);
    const before = output.documents;
    const rest = all.filter(({ id }) => !output.done.has(id));
    noteEarlier({ before, rest: rest.length, all: all.length, again: earlier.again.size });
    const unchanged = again.changed ? 0 : earlier.changed;
    if (unchanged > 0) note(`${changedText(unchanged)}; to run them again: --changed run`);
    const startedMs = performance.now();
    let elapsedMs = 0;
    let workersReplaced = 0;
    if (rest.length > 0) {
      if (traits.isolation === 'none') own = watchOwnProcess({ ...saved, isolating: isolatingNames });
      const runner = await createRunner({
        ...options,
        force: flags.force === true,
        onWarning: (warning) => note(`${colorsFor(process.stderr).yellow('warning:')} ${warning}`),
      });
      try {
        progress.start({ total: all.length, done: all.length - rest.length });
        await processAll(runner, rest, {
          output,
          progress,
          workers: options.workers,
          isProtected: isolates(traits.isolation, 'process'),
          stop: signals.signal,
          broken: broken.signal,
          own,
        });
        elapsedMs = performance.now() - startedMs; // a teardown may take its time
      } finally {
        progress.stop();
        workersReplaced = runner.stats().replaced;
        await runner.close({ now: broken.signal.aborted });
      }
    }
    output.flush();
    const { counts, notOk } = output;
    const summary: Summary = {
      out: flags.out,
      strategy: options.strategy,
      workers: options.workers,
      documents: all.length,
      earlier: before,
      changed: unchanged,
      leftOut: list.leftOut,
      counts,
      notOk: notOk.map(({ id, status, error }) => ({ id, status, error })),
      workersReplaced,
      elapsedMs,
      complete: all.every(({ id }) => output.done.has(id)),
    };
    printResult(flags.json ? `${JSON.stringify(summaryData(summary), null, 2)}\n` : summaryText(summary));
    if (!summary.complete) {
      note(`stopped; to go on: ${commandLine()}`);
      return exitCode.interrupted;
    }
    return notOk.length === 0 ? exitCode.ok : exitCode.failed;
  } finally {
    await own?.end();
    signals.end();
    output.close();
  }
}

interface Progressing {
  readonly output: Output;
  readonly progress: JobProgress;
  readonly workers: number;
  /** Tasks run in processes that a terminal's Ctrl-C does not reach. */
  readonly isProtected: boolean;
  readonly stop: AbortSignal;
  readonly broken: AbortSignal;
  /** Null where tasks run in workers. */
  readonly own: OwnProcess | null;
}

/** Refuses before anything is written. @throws WorkloadError as `createRunner` does */
async function refuse(
  task: { readonly name: string; readonly sha256: string },
  options: RunnerOptions & { readonly workers: number },
): Promise<void> {
  const { workers, findings = [], task: given } = options;
  const { strategy } = await findStrategy(options.strategy, { workers });
  const isSame = typeof given === 'object' && 'sha256' in given && given.sha256 === task.sha256;
  refuseInFlight({ task, strategy, workers, findings: isSame ? findings : [] });
}

async function processAll(
  runner: Runner,
  files: readonly RunFile[],
  { output, progress, workers, isProtected, stop, broken, own }: Progressing,
): Promise<void> {
  const states = new Map(files.map((file) => [file.id, file]));
  const reader = new JobReader(
    files.filter((file) => file.unreadable === null),
    {
      workers,
      stop,
      unreadable: (id, cause) => append(id, failure(id, cause), stateOf(states.get(id) as RunFile)),
    },
  );
  const append = (id: string, result: Outcome | NotOk, source: FileState | null) => {
    output.append(id, result, source);
    progress.step(output.notOkCount);
  };
  for (const { id, unreadable } of files) if (unreadable !== null) append(id, failure(id, unreadable), null);
  const held = new HeldFailures(stop);
  own?.begin(() => reader.oldest(workers)); // documents begin in their order
  for await (const outcome of runner.process(reader.documents(), { signal: broken })) {
    const source = reader.release(outcome.id);
    if (isProtected || outcome.status === 'ok') append(outcome.id, outcome, source);
    else held.add(() => append(outcome.id, outcome, source));
  }
  await held.settle();
}

function failure(id: string, { name, message }: Error): NotOk {
  return { id, status: 'failed', error: { name, message } };
}

async function traitsOf(name: string): Promise<StrategyTraits> {
  const entry = strategies.find((entry) => entry.name === name) as StrategyEntry;
  return ((await import(entry.url)) as { default: Strategy }).default;
}

/** Loads all strategies, which is slow: only for a job that is lost anyway. */
async function isolatingNames(): Promise<string[]> {
  const all = await Promise.all(strategies.map(({ name }) => traitsOf(name)));
  return all.filter(({ isolation }) => isolation !== 'none').map(({ name }) => name);
}

interface EarlierCounts {
  readonly before: number;
  readonly rest: number;
  readonly all: number;
  /** Documents whose lines were taken out. */
  readonly again: number;
}

function noteEarlier({ before, rest, all, again }: EarlierCounts): void {
  if (again > 0)
    note(`${again} ${again === 1 ? 'document that has a line runs' : 'documents that have lines run'} again`);
  if (before === 0) return;
  const gone = before - (all - rest);
  const removed = gone === 0 ? '' : `; ${gone} lines belong to documents that no longer exist`;
  note(`going on: ${all - rest} of ${all} documents have their lines${removed}`);
}

function changedText(count: number): string {
  return count === 1
    ? '1 document has changed since it was read'
    : `${count} documents have changed since they were read`;
}
