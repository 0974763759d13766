import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import {
  createRunner,
  type Recommendation,
  type Runner,
  type RunnerOptions,
  readRecommendation,
} from '../../../index.js';
import { findStrategy } from '../../../runner/open-strategy.js';
import { refuseInFlight } from '../../../runner/refusal.js';
import { strategies } from '../../../strategies/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { printToStandardError } from '../../../strategies/processes/task-output.js';
import {
  isolates,
  type Outcome,
  type Strategy,
  type StrategyEntry,
  type StrategyTraits,
} from '../../../strategies/strategy.js';
import { CorpusError, type FileList, formerId, leftOutText, listFiles } from '../../../workloads/files.js';
import { type FileState, stateOf } from '../../../workloads/read-file.js';
import { compileTask } from '../../../workloads/task-file.js';
import { exitCode, type RunError, UsageError, unknownName } from '../../errors.js';
import { type Again, findEarlier, statusesNotOk } from '../../job/again.js';
import { HeldFailures } from '../../job/held-failures.js';
import type { NotOk } from '../../job/line.js';
import { Output, type OutputOptions } from '../../job/output.js';
import { type JobProgress, jobProgressOn } from '../../job/progress.js';
import { type JobFile, JobReader } from '../../job/read.js';
import { docsOf } from '../../job/sidecar.js';
import { type Summary, summaryData, summaryText } from '../../job/summary.js';
import { parseCount, parseDuration, parseList } from '../../words/parse.js';
import { commandLine, quoted } from '../folder.js';
import { type OwnProcess, watchOwnProcess } from '../own-process.js';
import { handleSignals } from '../signals.js';
import { colorsFor, keepStandardOutput, note, print } from '../terminal.js';

export interface RunFlags {
  task?: string;
  docs: string;
  out: string;
  config?: string;
  strategy?: string;
  workers?: string;
  timeout?: string;
  grace: string;
  retry?: string;
  changed: string;
  force?: true;
  json?: true;
}

/**
 * `forkwise run`: processes every file of a folder with one strategy and writes a line per file. The same
 * command resumes a job that was stopped.
 * @returns the exit code.
 */
export async function runDocuments(
  flags: RunFlags,
  { version }: { readonly version: string },
): Promise<number> {
  const config = flags.config === undefined ? null : readConfig(flags.config);
  const chosen = runnerOptions(flags, config);
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

/** A file of the job, or one that is known to be unreadable. */
interface RunFile extends JobFile {
  readonly unreadable: Error | null;
}

/** The files in the order of their ids, without the job's own. */
function filesOf(list: FileList, { out, pathIds }: { out: string; pathIds: boolean }): RunFile[] {
  const idOf = (file: { readonly id: string; readonly below: string }) =>
    pathIds ? formerId(list.typed, file.below) : file.id;
  const readable = list.files
    .filter(
      ({ path }) => !Output.owns(resolve(out), String(path)) && !Output.owns(realOut(out), String(path)),
    )
    .map((file) => ({ ...file, id: idOf(file), unreadable: null }));
  const unreadable = list.unreadable.map((file) => ({
    id: idOf(file),
    path: '',
    size: 0,
    mtimeMs: 0,
    unreadable: file.cause,
  }));
  const files = [...readable, ...unreadable];
  if (files.length === 0)
    throw new CorpusError(`--docs "${list.pattern}": expected files, found none but --out`);
  return files.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Documents are listed by their real paths. */
function realOut(out: string): string {
  const path = resolve(out);
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path; // its folder does not exist, so there is no document in it
  }
}

/** How `Output` recognizes results of version 0.1, and what it says of results that belong elsewhere. */
function earlierIds(list: FileList, flags: RunFlags): Pick<OutputOptions, 'isEarlier' | 'goOn'> {
  const ids = new Set([...list.files, ...list.unreadable].map(({ below }) => formerId(list.typed, below)));
  return {
    isEarlier: (id) => ids.has(id),
    goOn(id) {
      const start = startFolder(id, [dirname(resolve(flags.out)), process.cwd()]);
      const folder = start === null ? '<the folder where it was started>' : quoted(start);
      const { task, docs: _docs, out, grace: _grace, changed: _changed, ...more } = flags;
      const given = { ...(task !== undefined && { task }), docs: docsOf(out), out: resolve(out), ...more };
      const words = Object.entries(given).flatMap(([name, value]) =>
        value === true ? [`--${name}`] : [`--${name}`, quoted(isPath(name) ? resolve(value) : value)],
      );
      return `go on there: cd ${folder} && forkwise run ${words.join(' ')}`;
    },
  };
}

const isPath = (flag: string) => flag === 'task' || flag === 'config';

/** The nearest folder at or above the given ones from which the path of a document leads to a file. */
function startFolder(id: string, folders: readonly string[]): string | null {
  for (const from of folders)
    for (let folder = from; ; folder = dirname(folder)) {
      if (existsSync(join(folder, id))) return folder;
      if (dirname(folder) === folder) break;
    }
  return null;
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

/** @throws UsageError */
function againOf({ retry, changed }: RunFlags): Again {
  if (changed !== 'keep' && changed !== 'run')
    throw new UsageError(`expected --changed to be keep or run, got "${changed}"`);
  const statuses = retry === undefined ? [] : parseList(retry, '--retry', statusOf);
  return { retry: new Set(statuses), changed: changed === 'run' };
}

function statusOf(text: string): (typeof statusesNotOk)[number] {
  const status = statusesNotOk.find((status) => status === text);
  if (status === undefined) throw unknownName('status in --retry', text, statusesNotOk);
  return status;
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

/** @throws UsageError that names the file */
function readConfig(path: string): Recommendation {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`--config "${path}": cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    return readRecommendation(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(`--config "${path}": ${(cause as Error).message}`, { cause });
  }
}

/** Flags of the command line override the recommendation. @throws UsageError */
function runnerOptions(
  { task, strategy, workers, timeout }: RunFlags,
  config: Recommendation | null,
): RunnerOptions & { readonly workers: number } {
  if (strategy !== undefined && !strategies.some(({ name }) => name === strategy))
    throw unknownName(
      'strategy',
      strategy,
      strategies.map(({ name }) => name),
    );
  const chosen = strategy ?? config?.strategy;
  if (chosen === undefined)
    throw new UsageError(
      'expected a strategy: give --strategy (and --workers), or --config recommendation.json, ' +
        'which `forkwise pick` writes for your task and documents',
    );
  const given = task ?? config?.task;
  if (given === undefined) throw new UsageError('expected --task, the path of a module like ./parse.ts');
  const timeoutMs = timeout === undefined ? (config?.timeoutMs ?? null) : parseDuration(timeout);
  const own = {
    task: given,
    timeoutMs,
    ...(workers !== undefined && { workers: parseCount(workers, '--workers') }),
  };
  // Another strategy has other deliveries and counts, and another number of workers has other axes.
  if (config !== null && config.strategy === chosen) {
    if (own.workers === undefined) return { ...config, ...own, workers: config.workers };
    const { configuration: _, ...rest } = config;
    return { ...rest, ...own, workers: own.workers };
  }
  return { strategy: chosen, workers: Math.max(1, Math.floor(effectiveCores().effective)), ...own };
}

function taskOf(task: RunnerOptions['task']): string | URL {
  return typeof task === 'string' || task instanceof URL ? task : `${task.file}#${task.export}`;
}
