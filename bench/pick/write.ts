import type { Recommendation } from '../../runner/recommendation.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import { knownFindings } from '../../workloads/task-findings.js';
import { colorsFor } from '../cli/terminal.js';
import { renderTable } from '../report/console.js';
import type { CorpusCosts, Environment } from '../tables/environment.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import { rowName } from '../tables/series.js';
import { isBusy } from '../verdict/busy.js';
import { failedShare } from '../verdict/failed-documents.js';
import type { Findings } from '../verdict/findings.js';
import { busyTrialsLine } from '../words/busy.js';
import { choiceTable } from '../words/choice-table.js';
import { coldText } from '../words/cold.js';
import { type VerdictOptions, verdict } from '../words/decision.js';
import { failedText } from '../words/failed-trials.js';
import { noChoiceText } from '../words/no-choice.js';
import { setApartText } from '../words/promise.js';
import { counted, duration, number } from '../words/units.js';
import type { Constraints } from './constraints.js';
import { type Decided, type Decision, decide } from './decide.js';
import { limitsUnder } from './limits.js';
import type { Judged } from './open-loop/judge.js';
import { type Effort, type MemoryFit, recommendation } from './recommendation.js';

/** A decision with all the data that it rests on. */
export interface Chosen {
  readonly decided: Decided;
  readonly found: Pick<Findings, 'environment' | 'trials' | 'summaries' | 'scaling'>;
  readonly corpus: string;
  readonly constraints: Constraints;
  readonly timeoutMs: number | null;
  readonly responsiveness: readonly ResponsivenessRow[];
  readonly strategies: readonly StrategyTraits[];
  readonly task: Recommendation['task'];
  readonly effort: Effort | null;
  /** Open loops showed this at the demanded rate; null if no rate was demanded. */
  readonly judged: Judged | null;
}

/** Decides, and keeps the data that the decision rests on. */
export function chosenFrom(found: Findings, options: Omit<Chosen, 'decided' | 'found'>): Chosen {
  const { trials, summaries } = found;
  const documents = documentsOf(found, options.corpus);
  const reasons = reasonsOf(options.judged);
  return { ...options, found, decided: decide({ ...options, trials, summaries, ...documents, ...reasons }) };
}

/** Open loops leave only their choice, if there is one. */
function reasonsOf(judged: Judged | null) {
  return judged === null ? {} : { reasons: judged.reasons };
}

/** Returns what the documents cost, if the run recorded it, and whether the task is slow to warm up. */
function documentsOf(
  { environment }: Pick<Findings, 'environment'>,
  corpus: string,
): { readonly costs: CorpusCosts | null; readonly isSlowToWarm: boolean } {
  const record = environment.corpora.find((entry) => entry.corpus === corpus);
  return { costs: record?.costs ?? null, isSlowToWarm: record?.warmup !== undefined };
}

/** Writes the recommendation. @returns what was written; null, without writing, if there is no choice */
export function writeDecision(chosen: Chosen, write: (text: string) => void): Recommendation | null {
  const { decided: decision, found, constraints, strategies } = chosen;
  if (decision.state === 'none') return null;
  const { isolation } = strategies.find(({ name }) => name === decision.choice.strategy) as StrategyTraits;
  const limits =
    limitsUnder(constraints.maxMemoryBytes, { isolation, workers: decision.choice.workers }) ?? {};
  const made = recommendation({
    ...chosen,
    decision,
    environment: found.environment,
    limits,
    memory: memoryFit(decision, chosen),
    verdict: verdict(decision, wordsFor(chosen)),
    findings: knownFindings(chosen.task.sha256).filter(({ level }) => level !== 'ok'),
  });
  write(`${JSON.stringify(made, null, 2)}\n`);
  return made;
}

/** Formats the decision for people to read. */
export function decisionText(
  chosen: Chosen,
  { path, report }: { readonly path: string | null; readonly report: string | null },
): string {
  const { decided, effort, responsiveness, strategies } = chosen;
  if (decided.state === 'none') return `\n${noChoiceText(decided, strategies)}`;
  const options = wordsFor(chosen);
  const colors = colorsFor(process.stdout);
  const table = renderTable(choiceTable(decided, options), colors, process.stdout.columns);
  const [use = '', sure = '', ...details] = verdict(decided, options).map((sentence) =>
    sentence.replaceAll('`', ''),
  );
  const footer = [
    ...(effort === null ? [] : [effortText(effort)]),
    ...(path === null ? [] : [`Recommendation: ${path}`]),
    ...(report === null ? [] : [`Report: ${report}`]),
  ];
  const { costs } = documentsOf(chosen.found, chosen.corpus);
  const notes = [
    ...(costs === null ? [] : setApartText(costs)),
    ...coldNotes(chosen.found.environment),
    ...failedText(chosen.found.trials, strategies),
    ...responsiveness.map(pingText),
  ];
  const busy = isBusy(chosen.found.trials) ? [busyTrialsLine(chosen.found.trials)] : [];
  const advice = ['', ...busy, table, '', colors.bold(use), sure];
  return [...advice, '', ...details, ...notes, ...footer.map(colors.dim), ''].join('\n');
}

/** Says that the trials were too short for the task. */
function coldNotes({ corpora }: Environment): string[] {
  return corpora.flatMap((corpus) => {
    const text = coldText(corpus);
    return text === null ? [] : [`Trials were short: ${text}. Use a longer --time-budget.`];
  });
}

function pingText(row: ResponsivenessRow): string {
  const times = `${number(row.ping_p50_ms)} ms (median), ${number(row.ping_p99_ms)} ms (p99)`;
  const longest = `${number(row.ping_max_ms)} ms at the longest`;
  return `A server beside ${rowName(row)} answered in ${times}, ${longest}, ${row.pings} requests.`;
}

function effortText({ usedMs, blocks, finalBlocks, fullGridMs }: Effort): string {
  const final = finalBlocks === 0 ? 'none' : finalBlocks;
  const measured = `${counted(blocks, 'block')}, ${final} of them in the final`;
  const saved = `measuring every configuration as often would have taken ${duration(fullGridMs)}`;
  return `${duration(usedMs)} for ${measured}; ${saved}.`;
}

function memoryFit({ choice }: Decision, { found }: Chosen): MemoryFit | null {
  const { strategy, delivery } = choice;
  const row = found.scaling.find((row) => row.strategy === strategy && row.delivery === delivery);
  if (row?.memory_base_bytes == null || row.memory_per_worker_bytes === null) return null;
  return { baseBytes: row.memory_base_bytes, perWorkerBytes: row.memory_per_worker_bytes };
}

/** Collects what the words about a decision need beside it. */
function wordsFor(chosen: Chosen): VerdictOptions {
  const { found, corpus, constraints, responsiveness, strategies, judged } = chosen;
  const { environment, trials, summaries } = found;
  const inProcesses: Constraints = { ...constraints, isolation: 'process' };
  const documents = documentsOf(found, corpus);
  const isolated = decide({
    trials,
    summaries,
    responsiveness,
    strategies,
    corpus,
    ...documents,
    constraints: inProcesses,
    ...reasonsOf(judged),
  });
  return {
    environment,
    strategies,
    costs: documents.costs,
    failedShare: failedShare(trials.filter((trial) => trial.corpus === corpus)),
    isolated: isolated.state === 'chosen' ? isolated : null,
    latencyP99Ms: constraints.latencyP99Ms,
    judged,
  };
}
