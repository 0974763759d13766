import { existsSync, writeFileSync } from 'node:fs';
import type { RecommendedTask } from '../../../runner/recommendation.js';
import { strategies } from '../../../strategies/index.js';
import { peers } from '../../../strategies/peers/index.js';
import { workloads } from '../../../workloads/index.js';
import { compileTask } from '../../../workloads/task-file.js';
import { exitCode, RunError, UsageError, unknownName } from '../../errors.js';
import { decide } from '../../pick/decide.js';
import { type ConstraintFlags, constraintsOf } from '../../pick/request.js';
import { type Chosen, decisionText, writeDecision } from '../../pick/write.js';
import type { TrialRow } from '../../tables/columns.js';
import type { Environment } from '../../tables/environment.js';
import { responsivenessColumns } from '../../tables/responsiveness-columns.js';
import { Store } from '../../tables/store.js';
import { decode } from '../../tables/table.js';
import { taskRecord } from '../../trials/own-task.js';
import { loadStrategies } from '../../trials/prepare.js';
import { findings } from '../../verdict/findings.js';
import { parseDuration } from '../../words/parse.js';
import { listed } from '../../words/units.js';
import { print } from '../terminal.js';

export interface RecommendFlags extends ConstraintFlags {
  workload?: string;
  corpus?: string;
  out?: string;
  json?: true;
}

/**
 * `forkwise recommend`: decides anew, under other constraints, from what a run has measured; measures nothing.
 * @returns the exit code: 3 when nothing that was measured keeps to the constraints
 */
export async function recommend(run: string, flags: RecommendFlags): Promise<number> {
  const constraints = constraintsOf(flags);
  const timeoutMs = flags.timeout === undefined ? null : parseDuration(flags.timeout);
  const store = Store.open(run);
  if (store.has('overhead.csv'))
    throw new UsageError(`"${run}": expected the folder of a run, but it holds a dispatch benchmark`);
  if (flags.out !== undefined && existsSync(flags.out))
    throw new UsageError(`--out "${flags.out}": there is something already; choose another name`);
  const environment = store.environment();
  const loaded = await loadStrategies([...strategies, ...peers].map(({ url }) => url));
  const trials = familyOf(store.trials(), flags);
  const own = loaded
    .map(({ strategy }) => strategy)
    .filter(({ name }) => strategies.some((entry) => entry.name === name));
  // Pools of others can be measured, and are not ours to hand over.
  const found = findings(
    trials.filter(({ strategy }) => own.some(({ name }) => name === strategy)),
    { environment, strategies: own },
  );
  const responsiveness = store.has('responsiveness.csv')
    ? decode(responsivenessColumns, store.read('responsiveness.csv'))
    : [];
  const chosen: Chosen = {
    decided: decide({ ...found, constraints, responsiveness, strategies: own }),
    ...{ found, constraints, timeoutMs, responsiveness, strategies: own, effort: null },
    task: await taskOf(environment, (trials[0] as TrialRow).workload),
  };
  const written = writeDecision(chosen, (text) => {
    if (flags.out !== undefined) writeNew(flags.out, text);
  });
  print(
    flags.json
      ? `${JSON.stringify(written ?? chosen.decided, null, 2)}\n`
      : decisionText(chosen, { path: flags.out ?? null, report: null }),
  );
  return written === null ? exitCode.invalid : exitCode.ok;
}

/** @throws UsageError unless the flags leave one workload and corpus, with trials */
function familyOf(trials: readonly TrialRow[], { workload, corpus }: RecommendFlags): TrialRow[] {
  if (trials.length === 0) throw new UsageError('expected a run with trials, and it has none yet');
  const one = (what: string, asked: string | undefined, there: readonly string[]): string => {
    if (asked !== undefined && !there.includes(asked)) throw unknownName(what, asked, there);
    const only = asked ?? (there.length === 1 ? there[0] : undefined);
    if (only === undefined) throw new UsageError(`the run has ${listed(there)}: say which with --${what}`);
    return only;
  };
  const chosen = one('workload', workload, [...new Set(trials.map((trial) => trial.workload))]);
  const ofIt = trials.filter((trial) => trial.workload === chosen);
  const documents = one('corpus', corpus, [...new Set(ofIt.map((trial) => trial.corpus))]);
  return ofIt.filter((trial) => trial.corpus === documents);
}

/** The user's own, or one of ours. */
async function taskOf({ task }: Environment, workload: string): Promise<RecommendedTask> {
  if (task !== undefined) return task;
  const entry = workloads.find(({ name }) => name === workload);
  if (entry === undefined)
    throw new UsageError(
      `the run does not say which file "${workload}" is; measure it anew with this version`,
    );
  return taskRecord(await compileTask(new URL(entry.url)));
}

function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (cause) {
    throw new RunError(`cannot write "${path}": ${(cause as Error).message}`, { cause });
  }
}
