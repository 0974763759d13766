import { existsSync, writeFileSync } from 'node:fs';
import type { RecommendedTask } from '../../../runner/recommendation.js';
import { strategies } from '../../../strategies/index.js';
import { peers } from '../../../strategies/peers/index.js';
import type { StrategyEntry, StrategyTraits } from '../../../strategies/strategy.js';
import { workloads } from '../../../workloads/index.js';
import { compileTask } from '../../../workloads/task-file.js';
import { exitCode, RunError, UsageError, unknownName } from '../../errors.js';
import { decide, eligibleCells } from '../../pick/decide.js';
import { type Demand, demandOf } from '../../pick/open-loop/demand.js';
import { judge } from '../../pick/open-loop/judge.js';
import { type ConstraintFlags, constraintsOf } from '../../pick/request.js';
import { chosenFrom, decisionText, writeDecision } from '../../pick/write.js';
import type { ArrivalRow } from '../../tables/arrival-columns.js';
import { decode } from '../../tables/csv.js';
import type { Environment } from '../../tables/environment.js';
import { responsivenessTable } from '../../tables/responsiveness-columns.js';
import { Store } from '../../tables/store.js';
import type { TrialRow } from '../../tables/trial-columns.js';
import { taskRecord } from '../../trials/own-task.js';
import { loadStrategies } from '../../trials/prepare.js';
import { findings } from '../../verdict/findings.js';
import { parseDuration } from '../../words/parse.js';
import { listed, number } from '../../words/units.js';
import { print } from '../terminal.js';

export interface RecommendFlags extends ConstraintFlags {
  workload?: string;
  corpus?: string;
  rate?: string;
  out?: string;
  json?: true;
}

/**
 * `forkwise recommend`: decides again from a finished run, under other constraints, without measuring.
 * @returns the exit code: 3 if no measured configuration keeps the constraints
 */
export async function recommend(run: string, flags: RecommendFlags): Promise<number> {
  const timeoutMs = flags.timeout === undefined ? null : parseDuration(flags.timeout, '--timeout');
  const store = Store.open(run);
  if (store.has('overhead.csv'))
    throw new UsageError(`"${run}": expected the folder of a run, but it holds a dispatch benchmark`);
  if (flags.out !== undefined && existsSync(flags.out))
    throw new UsageError(`--out "${flags.out}": this file exists already; choose another name`);
  const environment = store.environment();
  const own = await traitsFrom(strategies);
  const demand = flags.rate === undefined ? null : demandOf(flags.rate, flags);
  const rows = demand === null ? [] : openLoopsAt(demand, store.arrivals.rows());
  const asked = constraintsOf(flags, own);
  const constraints = demand === null ? asked : { ...asked, latencyP99Ms: null };
  const { trials, workload, corpus } = chosenTrials(store.trials(), flags);
  // Peers can be measured but not recommended: `createRunner` does not have them.
  const found = findings(trials, { environment, strategies: [...own, ...(await traitsFrom(peers))] });
  const responsiveness = store.has('responsiveness.csv')
    ? decode(responsivenessTable, store.read('responsiveness.csv'))
    : [];
  const constrained = { corpus, constraints, responsiveness, strategies: own };
  const chosen = chosenFrom(found, {
    ...constrained,
    timeoutMs,
    effort: null,
    judged:
      demand === null ? null : judge(eligibleCells(decide({ ...found, ...constrained })), { rows, demand }),
    task: await taskOf(environment, workload),
  });
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

/**
 * The open loops of the run, of which some are at the demanded rate. A run of `bench` may have asked for that
 * rate as a share of the highest.
 * @throws UsageError if none is
 */
function openLoopsAt({ asked, perSecond }: Demand, rows: readonly ArrivalRow[]): ArrivalRow[] {
  const ofRates = rows.filter(({ round }) => round > 0);
  const isAsked = ({ offered_per_second }: ArrivalRow) =>
    Math.abs(offered_per_second / perSecond - 1) < sameRate;
  if (ofRates.some(isAsked)) return ofRates.map((row) => (isAsked(row) ? { ...row, asked } : row));
  const rates = [...new Set(ofRates.map((row) => row.offered_per_second))].map((rate) => `${number(rate)}/s`);
  throw new UsageError(
    rates.length === 0
      ? `--rate ${asked}: expected a run with open loops; measure them with \`forkwise pick --rate ${asked}\``
      : `--rate ${asked}: the run has open loops at ${listed(rates)}; choose one of these rates`,
  );
}

/** Rates are printed with three digits, so a rate that differs by less is the one that was asked for. */
const sameRate = 0.005;

async function traitsFrom(entries: readonly StrategyEntry[]): Promise<StrategyTraits[]> {
  return (await loadStrategies(entries.map(({ url }) => url))).map(({ strategy }) => strategy);
}

/**
 * The trials of the workload to recommend for, over all its corpora, and the corpus to recommend for.
 * @throws UsageError unless the flags leave one workload and corpus, with trials
 */
function chosenTrials(
  trials: readonly TrialRow[],
  { workload, corpus }: RecommendFlags,
): { readonly trials: readonly TrialRow[]; readonly workload: string; readonly corpus: string } {
  if (trials.length === 0) throw new UsageError('expected a run with trials, and it has none yet');
  const one = (what: string, asked: string | undefined, there: readonly string[]): string => {
    if (asked !== undefined && !there.includes(asked)) throw unknownName(what, asked, there);
    const only = asked ?? (there.length === 1 ? there[0] : undefined);
    if (only === undefined) throw new UsageError(`the run has ${listed(there)}: choose one with --${what}`);
    return only;
  };
  const chosen = one('workload', workload, [...new Set(trials.map((trial) => trial.workload))]);
  const ofIt = trials.filter((trial) => trial.workload === chosen);
  return {
    trials: ofIt,
    workload: chosen,
    corpus: one('corpus', corpus, [...new Set(ofIt.map((trial) => trial.corpus))]),
  };
}

/** The task that the run measured: the user's own, or a workload of forkwise. */
async function taskOf({ task }: Environment, workload: string): Promise<RecommendedTask> {
  if (task !== undefined) return task;
  const entry = workloads.find(({ name }) => name === workload);
  if (entry === undefined)
    throw new UsageError(
      `the run does not say which file "${workload}" is; measure it again with this version`,
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
