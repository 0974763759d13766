import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { memoryBytes } from '../../../strategies/processes/memory-share.js';
import { printToStandardError } from '../../../strategies/processes/task-output.js';
import type { JobFile } from '../../config/job-file.js';
import { groupFlags } from '../../config/job-keys.js';
import { exitCode, UsageError } from '../../errors.js';
import { Budget } from '../../groups/budget.js';
import type { Plan } from '../../groups/plan.js';
import { compileReduce } from '../../groups/reduce.js';
import { groupProgressOn } from '../../job/group-progress.js';
import { type Summary, summaryData, summaryText } from '../../job/summary.js';
import { cannotMake, makeFolder } from '../../tables/make-folder.js';
import { parseCount, parseDuration } from '../../words/parse.js';
import { counted } from '../../words/units.js';
import { commandLine } from '../folder.js';
import { readyGroup } from '../groups/ready.js';
import { type GroupEnd, GroupsRun, hasFailed, type Reduced } from '../groups/run-groups.js';
import { type OwnProcess, watchOwnProcess } from '../own-process.js';
import type { GivenRunFlags } from '../run-request.js';
import { isolatingNames, refuse } from '../run-strategy.js';
import { handleSignals } from '../signals.js';
import { colorsFor, keepStandardOutput, note, print } from '../terminal.js';

export interface GroupsContext {
  readonly version: string;
  readonly job: JobFile;
  readonly plan: Plan;
  readonly command: Command;
}

/**
 * `forkwise run` with a job file that has groups: runs them within the budget of the job.
 * @returns the exit code
 */
export async function runGroups(
  flags: GivenRunFlags,
  { version, job, plan, command }: GroupsContext,
): Promise<number> {
  const { out, shards, order } = flags;
  if (shards !== undefined) throw new UsageError('expected --out with groups in the job file, got --shards');
  // A group that has cores to spare takes documents in several sessions.
  if (order === 'input')
    throw new UsageError('expected --order completion with groups in the job file, got input');
  if (out === undefined) throw new UsageError('expected --out, a folder for the results of the groups');
  if (existsSync(out) && !statSync(out).isDirectory())
    throw new UsageError(`--out "${out}": expected a folder for the results of the groups, got a file`);
  const cores =
    plan.cores ??
    (flags.workers === undefined
      ? Math.max(1, Math.floor(effectiveCores().effective))
      : parseCount(flags.workers, '--workers'));
  const allBytes = plan.memoryBytes ?? memoryBytes();
  const budget = new Budget({ cores, memoryBytes: allBytes });
  const overriding = new Set(
    command.options
      .map((option) => option.attributeName())
      .filter((name) => ['cli', 'env'].includes(command.getOptionValueSource(name) ?? '')),
  );
  const options = groupFlags(command);
  const groups = await Promise.all(
    plan.groups.map((group) =>
      readyGroup(group, { flags: { ...flags, out }, overriding, job, options, budget }),
    ),
  );
  for (const { task, options, flags } of groups)
    if (flags.force === undefined) await refuse({ name: task.ref.name, sha256: task.sha256 }, options);
  const reducer = plan.reduce === null ? null : await compileReduce(plan.reduce);
  const graceMs = parseDuration(flags.grace, '--grace');
  try {
    makeFolder(out);
  } catch (cause) {
    throw cannotMake(out, cause);
  }
  const printResult = flags.json ? keepStandardOutput() : print;
  if (flags.json) printToStandardError();
  const colors = colorsFor(process.stderr);
  const progress = groupProgressOn(process.stderr, () => run.running);
  const stopped = new AbortController();
  let own: OwnProcess | null = null;
  const signals = handleSignals({
    orderly() {
      const running = [...run.running];
      if (running.length > 0 && running.every(({ isStarting }) => isStarting)) {
        note(`stopped while workers were starting; to go on: ${commandLine()}`);
        return false;
      }
      progress.say('finishing the documents that are under way; once more ends them at once');
      stopped.abort();
      return true;
    },
    atOnce() {
      void own?.end();
      for (const { output } of run.running) tryClose(output);
    },
    graceMs,
  });
  const run: GroupsRun = new GroupsRun({
    groups,
    budget,
    memoryBytes: allBytes,
    out,
    events: {
      version,
      stop: stopped.signal,
      say: (text) => progress.say(text),
      warn: (text) => note(`${colors.yellow('warning:')} ${text}`),
      progress: () => progress.step(),
      watch(output) {
        own = watchOwnProcess({ output, isolating: isolatingNames });
        return own;
      },
    },
    stop(why) {
      progress.say(`stopping: ${why}`);
      stopped.abort();
    },
    write: writeFileSync,
    ended({ group }, end) {
      progress.end(end.state === 'done' || end.state === 'stopped' ? end.run : null);
      if (end.state === 'broken') note(`${colors.red('error:')} group "${group.name}": ${end.error.message}`);
      else if (end.state === 'skipped') progress.say(`${group.name}: not run, ${end.why}`);
      else if (end.reduced !== null && 'error' in end.reduced)
        note(`${colors.red('error:')} group "${group.name}": ${end.reduced.error.message}`);
    },
  });
  const startedMs = performance.now();
  progress.start(groups.length);
  try {
    const ends = await run.run();
    const elapsedMs = performance.now() - startedMs;
    const all = [...ends.values()];
    const isDone = all.every(({ state }) => state === 'done');
    let reduced: Reduced | null = null;
    if (isDone && reducer !== null) {
      const content = (job.content.options ?? {}) as Record<string, unknown>;
      const of = { reducer, groups: plan.groups, group: null, options: content };
      reduced = await run.reduction(of, join(out, 'reduced.json'));
      if ('error' in reduced) note(`${colors.red('error:')} ${reduced.error.message}`);
    }
    progress.stop();
    const sorted = plan.groups.map(({ name }) => [name, ends.get(name) as GroupEnd] as const);
    printResult(flags.json ? jsonOf(sorted, { elapsedMs, reduced }) : textOf(sorted, { elapsedMs, reduced }));
    const failed = all.some(hasFailed) || (reduced !== null && 'error' in reduced);
    if (all.some(({ state }) => state === 'stopped' || state === 'skipped') && signals.signal.aborted) {
      note(`stopped; to go on: ${commandLine()}`);
      return exitCode.interrupted;
    }
    return failed || !isDone ? exitCode.failed : exitCode.ok;
  } finally {
    progress.stop();
    signals.end();
  }
}

interface JobEnd {
  readonly elapsedMs: number;
  readonly reduced: Reduced | null;
}

type Ends = readonly (readonly [string, GroupEnd])[];

function textOf(ends: Ends, { elapsedMs, reduced }: JobEnd): string {
  const parts = ends.map(([name, end]) => `${name} · ${textOfEnd(end)}`);
  const summaries = ends.flatMap(([, end]) => summaryOf(end) ?? []);
  const total = summaries.reduce((sum, { documents }) => sum + documents, 0);
  const ok = summaries.reduce((sum, { counts }) => sum + counts.ok, 0);
  const counts = `${counted(ends.length, 'group')} · ${counted(total, 'document')}, ${ok} ok`;
  const last = `${counts} · ${(elapsedMs / 1e3).toFixed(1)} s`;
  return `${parts.join('')}${last}${reduced !== null && 'out' in reduced ? ` · ${reduced.out}` : ''}\n`;
}

function textOfEnd(end: GroupEnd): string {
  if (end.state === 'skipped') return `not run: ${end.why}\n`;
  const summary = summaryOf(end);
  const broken = end.state === 'broken' ? `not done: ${end.error.message}\n` : '';
  const reduced =
    end.state !== 'broken' && end.reduced !== null && 'out' in end.reduced ? `  ${end.reduced.out}\n` : '';
  return `${broken}${summary === null ? '' : summaryText(summary)}${reduced}`;
}

function jsonOf(ends: Ends, { elapsedMs, reduced }: JobEnd): string {
  const groups = ends.map(([name, end]) => {
    const summary = summaryOf(end);
    return {
      group: name,
      state: end.state,
      ...(end.state === 'skipped' && { why: end.why }),
      ...(end.state === 'broken' && { error: end.error.message }),
      ...(summary !== null && summaryData(summary)),
      ...('reduced' in end && end.reduced !== null && { reduced: reducedData(end.reduced) }),
    };
  });
  const result = { groups, elapsedMs, reduced: reduced === null ? null : reducedData(reduced) };
  return `${JSON.stringify(result, null, 2)}\n`;
}

function reducedData(reduced: Reduced) {
  return 'out' in reduced ? { out: reduced.out } : { error: reduced.error.message };
}

function summaryOf(end: GroupEnd): Summary | null {
  return end.state === 'skipped' || end.run === null ? null : end.run.summary;
}

function tryClose(output: { close(): void }): void {
  try {
    output.close();
  } catch (cause) {
    note((cause as Error).message);
  }
}
