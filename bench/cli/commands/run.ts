import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { DecisionKind } from '../../../control/work-number.js';
import type { AdaptiveStats } from '../../../runner/adaptive.js';
import type { CacheStats } from '../../../runner/cache-use.js';
import { openForRunner, type RunnerOptions } from '../../../runner/create-runner.js';
import { heapLimitMb } from '../../../strategies/processes/limits.js';
import { printToStandardError } from '../../../strategies/processes/task-output.js';
import { isolates } from '../../../strategies/strategy.js';
import {
  type LeftOut,
  type LeftOutCounts,
  leftOutText,
  nothingLeftOut,
} from '../../../workloads/file-walk.js';
import { compileTask } from '../../../workloads/task-file.js';
import type { JobFile } from '../../config/job-file.js';
import { exitCode, type RunError, UsageError } from '../../errors.js';
import { optionsOf, planOf, reduceOf } from '../../groups/plan.js';
import { compileReduce, reduce } from '../../groups/reduce.js';
import { type Earlier, findEarlier } from '../../job/again.js';
import { FileCount } from '../../job/count-files.js';
import { OutFile } from '../../job/out-file.js';
import type { Output, OutputOptions } from '../../job/output.js';
import { jobProgressOn } from '../../job/progress.js';
import { Shards } from '../../job/shards/shards.js';
import type { Job } from '../../job/sidecar.js';
import { type Summary, summaryData, summaryText } from '../../job/summary.js';
import { parseDuration } from '../../words/parse.js';
import { commandLine } from '../folder.js';
import { JobFiles } from '../job-files.js';
import { type OwnProcess, watchOwnProcess } from '../own-process.js';
import { runAll } from '../run-all.js';
import {
  againOf,
  brokerUrl,
  checkAdaptive,
  complete,
  type GivenRunFlags,
  runnerOptions,
  type Target,
  taskOf,
} from '../run-request.js';
import { isolatingNames, refuse, traitsOf } from '../run-strategy.js';
import { handleSignals } from '../signals.js';
import { colorsFor, keepStandardOutput, note, print } from '../terminal.js';

/** These decisions about the number of documents at the same time may have moved it. */
const settles: ReadonlySet<string> = new Set<DecisionKind>(['raise', 'lower', 'guard']);

const byReference = { delivery: 'reference' } as const;
/** A job that takes longer than this counts its documents, so that progress can say how much is left, ms. */
const countAfterMs = 2000;

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
  const flags = complete(given);
  const { target, order } = flags;
  const chosen = runnerOptions(flags);
  const taskOptions = optionsOf(job);
  const traits = await traitsOf(chosen.strategy);
  const options = {
    ...chosen,
    ...(taskOptions !== null && { options: taskOptions }),
    workers: traits.scales ? chosen.workers : 1,
    // Workers read the documents, unless a recommendation says that another way was faster.
    ...(chosen.delivery === undefined && traits.deliveries.includes('reference') && byReference),
  };
  const again = againOf(flags);
  const graceMs = parseDuration(flags.grace);
  const broker = brokerUrl(flags, traits);
  if (flags.stages !== undefined && !flags.serial && traits.staged !== true)
    throw new UsageError(
      `expected a strategy with workers for each stage with --stages, and "${traits.name}" is none`,
    );
  if ((options.perWorker ?? 1) > 1 && traits.perWorker !== true)
    throw new UsageError(
      `expected a strategy that runs several documents per worker with --per-worker, and "${traits.name}" ` +
        'is none; see forkwise list',
    );
  checkAdaptive(flags, traits);
  const printResult = flags.json ? keepStandardOutput() : print;
  if (flags.json) printToStandardError();
  const { ref, file, export: name, sha256 } = await compileTask(taskOf(options.task));
  if (flags.force === undefined) await refuse({ name: ref.name, sha256 }, options);
  const reducePath = reduceOf(job);
  if (reducePath !== null && target.kind === 'shards')
    throw new UsageError('expected --out with "reduce" in the job file, got --shards');
  const reduceUrl = reducePath === null ? null : await compileReduce(reducePath);
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
    const walk = (leftOut: LeftOutCounts) => files.all({ pathIds: output.hasPathIds, leftOut });
    let leftOut = nothingLeftOut();
    let documents: number | null = null;
    let earlier: Earlier | null = null;
    if (tally.documents > 0) {
      earlier = findEarlier(walk(leftOut), tally.done, again);
      documents = earlier.all;
      if (earlier.again > 0) output.dropAgain();
      noteLeftOut(leftOut);
      noteEarlier(earlier, tally.documents);
    }
    const before = tally.documents;
    const changed = again.changed ? 0 : (earlier?.changed ?? 0);
    if (changed > 0) note(`${changedText(changed)}; to run them again: --changed run`);
    const startedMs = performance.now();
    let elapsedMs = 0;
    let workersReplaced = 0;
    let serviceFailure: string | null = null;
    let adaptive: AdaptiveStats | undefined;
    let cache: CacheStats | undefined;
    let complete = earlier !== null && earlier.done - earlier.again === earlier.all;
    if (!complete) {
      if (traits.isolation === 'none') own = watchOwnProcess({ output, isolating: isolatingNames });
      const { run } = output;
      const asked: RunnerOptions = {
        ...options,
        // A job that was killed has left documents and results under this name.
        ...(broker !== null && { broker: { url: broker, run } }),
        runId: run,
        force: flags.force === true,
        onDecision: ({ kind, why }) => {
          if (settles.has(kind)) progress.log(`documents at the same time: ${why}`);
        },
        ...(traits.staged === true && {
          pipeline: { onDecision: (line: string) => progress.log(line) },
        }),
        ...(options.circuit && {
          circuit: { ...options.circuit, onDecision: (line: string) => progress.log(line) },
        }),
        onWarning: (warning) => note(`${colorsFor(process.stderr).yellow('warning:')} ${warning}`),
      };
      const opened = await openForRunner(asked, { isJob: true }).catch((cause: Error) => {
        // The strategy has compared the stages with those of the task.
        throw cause instanceof RangeError && flags.stages !== undefined
          ? new UsageError(`--stages: ${cause.message}`, { cause })
          : cause;
      });
      const counted = (total: number) => {
        documents = total;
        progress.setTotal(total);
      };
      const countLeftOut = nothingLeftOut();
      const count = new FileCount(walk(countLeftOut), counted);
      const runLeftOut = nothingLeftOut();
      try {
        progress.start({ total: documents, done: earlier === null ? 0 : earlier.done - earlier.again });
        if (opened.session.stages !== undefined) progress.watch(opened.session.stages.bind(opened.session));
        if (documents === null) count.begin(countAfterMs);
        complete = await runAll(opened, walk(runLeftOut), {
          output,
          order,
          found(total) {
            count.stop();
            counted(total);
            leftOut = runLeftOut;
          },
          workers: options.workers,
          isProtected: isolates(traits.isolation, 'process'),
          stop: signals.signal,
          broken: broken.signal,
          own,
        });
        elapsedMs = performance.now() - startedMs; // a teardown may take its time
      } finally {
        count.stop();
        progress.stop();
        workersReplaced = opened.session.replaced ?? 0;
        adaptive = opened.facts.adaptive?.stats();
        cache = opened.facts.cacheUse?.stats();
        opened.facts.adaptive?.close();
        serviceFailure = opened.circuit?.reason ?? null;
        await opened.session.close({ now: broken.signal.aborted });
      }
      if (documents === null) {
        await count.finish();
        leftOut = countLeftOut;
      }
      if (earlier === null) noteLeftOut(leftOut);
    }
    output.finish(complete);
    const { counts, notOk } = tally;
    const summary: Summary = {
      out: target.path,
      ...(output instanceof Shards && { shards: output.shards.length }),
      strategy: options.strategy,
      workers: options.workers,
      documents: documents ?? tally.documents,
      earlier: before,
      changed,
      leftOut,
      counts,
      fallbacks: tally.fallbacks,
      notOk,
      workersReplaced,
      ...(adaptive !== undefined && { adaptive }),
      ...(cache !== undefined && { cache }),
      elapsedMs,
      complete,
    };
    printResult(flags.json ? `${JSON.stringify(summaryData(summary), null, 2)}\n` : summaryText(summary));
    if (!summary.complete && serviceFailure !== null) {
      note(
        `stopped, because the service of the task fails every document (${serviceFailure}); ` +
          `to go on when it works again: ${commandLine()} --retry failed`,
      );
      return exitCode.failed;
    }
    if (!summary.complete) {
      note(`stopped; to go on: ${commandLine()}`);
      return exitCode.interrupted;
    }
    if (reduceUrl !== null) await reduceLines(target.path, { url: reduceUrl, options: taskOptions ?? {} });
    return notOk.length === 0 ? exitCode.ok : exitCode.failed;
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
async function reduceLines(
  out: string,
  { url, options }: { readonly url: string; readonly options: Readonly<Record<string, unknown>> },
): Promise<void> {
  const path = `${out}.reduced.json`;
  const { signal } = new AbortController();
  const text = await reduce({ url, files: [out], group: null, options }, { heapMb: heapLimitMb(1), signal });
  writeFileSync(path, `${text}\n`);
  note(`reduced: ${path}`);
}

/** Says what there is of the job. @param before the number of lines that were not taken out */
function noteEarlier({ all, done, again }: Earlier, before: number): void {
  if (again > 0)
    note(`${again} ${again === 1 ? 'document that has a line runs' : 'documents that have lines run'} again`);
  if (before === 0) return;
  const gone = before - (done - again);
  const removed = gone === 0 ? '' : `; ${gone} lines belong to documents that no longer exist`;
  note(`going on: ${done - again} of ${all} documents have their lines${removed}`);
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
