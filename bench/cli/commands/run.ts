import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import {
  createRunner,
  type Recommendation,
  type Runner,
  type RunnerOptions,
  readRecommendation,
} from '../../../index.js';
import { strategies } from '../../../strategies/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { CorpusError, listPaths } from '../../../workloads/documents.js';
import { compileTask } from '../../../workloads/task-file.js';
import { exitCode, type RunError, UsageError, unknownName } from '../../errors.js';
import { Output } from '../../job/output.js';
import { type JobProgress, jobProgressOn } from '../../job/progress.js';
import { type JobFile, readFiles } from '../../job/read.js';
import { type Summary, summaryData, summaryText } from '../../job/summary.js';
import { parseCount, parseDuration } from '../../words/parse.js';
import { commandLine } from '../folder.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

export interface RunFlags {
  task?: string;
  docs: string;
  out: string;
  config?: string;
  strategy?: string;
  workers?: string;
  timeout?: string;
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
  const options = runnerOptions(flags, config);
  const { file, export: name, sha256 } = await compileTask(taskOf(options.task));
  const broken = new AbortController();
  const all = await filesOf(flags);
  const job = { task: { file, export: name, sha256 }, docs: flags.docs };
  const output = Output.open(flags.out, job, { forkwise: version, failed: (error) => broken.abort(error) });
  const progress = jobProgressOn(process.stderr);
  const signals = handleSignals({
    orderly() {
      progress.say('finishing the documents that are under way; once more ends them at once');
      return true;
    },
    atOnce() {
      try {
        output.close();
      } catch (cause) {
        note((cause as RunError).message);
      }
    },
  });
  try {
    const before = output.documents;
    const rest = all.filter(({ id }) => !output.done.has(id));
    noteEarlier({ before, rest: rest.length, all: all.length });
    const startedMs = performance.now();
    if (rest.length > 0) {
      const runner = await createRunner({
        ...options,
        onWarning: (warning) => note(`${colorsFor(process.stderr).yellow('warning:')} ${warning}`),
      });
      try {
        progress.start({ total: all.length, done: all.length - rest.length });
        await processAll(runner, rest, { output, progress, stop: signals.signal, broken: broken.signal });
      } finally {
        progress.stop();
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
      counts,
      notOk,
      elapsedMs: performance.now() - startedMs,
      complete: all.every(({ id }) => output.done.has(id)),
    };
    print(flags.json ? `${JSON.stringify(summaryData(summary), null, 2)}\n` : summaryText(summary));
    if (!summary.complete) {
      note(`stopped; to go on: ${commandLine()}`);
      return exitCode.interrupted;
    }
    return notOk.length === 0 ? exitCode.ok : exitCode.failed;
  } finally {
    signals.end();
    output.close();
  }
}

async function processAll(
  runner: Runner,
  files: readonly JobFile[],
  {
    output,
    progress,
    stop,
    broken,
  }: { output: Output; progress: JobProgress; stop: AbortSignal; broken: AbortSignal },
): Promise<void> {
  const unreadable = (id: string, { name, message }: Error) => {
    output.append(id, { id, status: 'failed', error: { name, message } });
    progress.step(output.notOk.length);
  };
  for await (const outcome of runner.process(readFiles(files, { stop, unreadable }), { signal: broken })) {
    output.append(outcome.id, outcome);
    progress.step(output.notOk.length);
  }
}

/** The files in the order of their paths, without the job's own. Ids are paths from the current folder. */
async function filesOf({ docs, out }: RunFlags): Promise<JobFile[]> {
  const paths = (await listPaths(docs))
    .map((file) => resolve(file))
    .filter((file) => !Output.owns(resolve(out), file));
  if (paths.length === 0) throw new CorpusError(`--docs "${docs}": expected files, found none but --out`);
  return paths.sort((a, b) => (a < b ? -1 : 1)).map((path) => ({ id: relative(process.cwd(), path), path }));
}

function noteEarlier({ before, rest, all }: { before: number; rest: number; all: number }): void {
  if (before === 0) return;
  const gone = before - (all - rest);
  const removed = gone === 0 ? '' : `; ${gone} lines belong to documents that no longer exist`;
  note(`going on: ${all - rest} of ${all} documents have their lines${removed}`);
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
