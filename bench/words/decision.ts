import type { StrategyTraits } from '../../strategies/strategy.js';
import type { Decision } from '../pick/decide.js';
import type { Judged } from '../pick/open-loop/judge.js';
import type { CorpusCosts, Environment } from '../tables/environment.js';
import { hasRate, type SummaryRow } from '../tables/summary-columns.js';
import type { Ratio } from '../verdict/choice.js';
import { configurationName } from '../verdict/configurations.js';
import { hasInterval, type Named, namer, withInterval } from './configuration.js';
import { fusedSentences } from './fused.js';
import { isUsefulBound } from './loss.js';
import { notMeasuredRows, notMeasuredSentences } from './not-measured.js';
import { openLoopSentences } from './open-loop.js';
import { promiseSentences } from './promise.js';
import { fromFiles } from './source.js';
import { counted, listed, number, percent, sizesOf } from './units.js';

/** `pick` and `recommend` describe a decision with these sentences, each of at most 25 words. */

export interface VerdictOptions {
  readonly environment: Environment;
  readonly strategies: readonly StrategyTraits[];
  /** The costs of the folder's documents; null if they were not measured. */
  readonly costs: CorpusCosts | null;
  /** The decision if tasks had to run in processes; null if no measured configuration does that. */
  readonly isolated: Decision | null;
  /** The limit of the closed loop's p99, ms; null if there is none. */
  readonly latencyP99Ms: number | null;
  /** The share of the documents on which the task failed, 0 to 1. */
  readonly failedShare: number;
  /** Open loops showed this at the demanded rate; null if no rate was demanded. */
  readonly judged: Judged | null;
}

/**
 * The sentences in order: what to use, how sure that is, when something else is better, where it was
 * measured.
 */
export function verdict(decision: Decision, options: VerdictOptions): string[] {
  const name = namer(options.strategies, cellsOf(decision, options.environment));
  const { judged, costs } = options;
  const few = fewDocuments(decision, options);
  // What is said of this very folder comes first.
  const [first, later] = few?.isFolder ? [[few.text], []] : [[], few === null ? [] : [few.text]];
  return [
    ...(judged === null
      ? [
          use(decision, { ...options, name }),
          ...first,
          ...confidence(decision, { ...options, name }),
          ...closedLoop(decision, options),
        ]
      : [...openLoopSentences(judged, name), ...first]),
    ...failures(options),
    ...inProgress(decision),
    ...(decision.staged === null ? [] : fusedSentences(decision.staged, name)),
    ...notMeasuredSentences(options.environment, {
      ...options,
      measured: cellsOf(decision, options.environment),
    }),
    ...promiseSentences(decision, costs),
    ...later,
    ...inProcesses(decision, { ...options, name }),
    where(decision, options),
  ];
}

type Namer = ReturnType<typeof namer>;

/** All configurations that the words may name, so that each has a name of its own. */
export function cellsOf({ tied, slower, disqualified }: Decision, environment: Environment): Named[] {
  return [...[...tied, ...slower, ...disqualified].map(({ cell }) => cell), ...notMeasuredRows(environment)];
}

function use(
  decision: Decision,
  { environment, strategies, name }: VerdictOptions & { readonly name: Namer },
): string {
  const { choice, speedup, nothingIsFaster, blocks } = decision;
  if (isAlone(decision)) {
    const isTried = besides(decision).length > 0;
    return `Nothing was compared: only ${name(choice)} ${isTried ? 'has a valid trial' : 'was measured'}.`;
  }
  if (nothingIsFaster) {
    const shown = blocks < minBlocks ? '' : ' in these measurements';
    return `Use ${name(choice)}: nothing was shown to be faster${shown}.`;
  }
  if (speedup !== null) return `Use ${name(choice)}: ${gainText(speedup, { choice, environment })}.`;
  const baseline = strategies.find((strategy) => strategy.baseline);
  return baseline === undefined || choice.strategy === baseline.name
    ? `Use ${name(choice)}.`
    : `Use ${name(choice)}: \`${baseline.name}\` was not measured beside it, so its gain is not known.`;
}

/** True if nothing but the choice has a valid trial. */
function isAlone(decision: Decision): boolean {
  return decision.speedup === null && !besides(decision).some(hasRate);
}

/** The measured configurations beside the choice, those without a valid trial too. */
function besides({ choice, tied, slower, disqualified }: Decision): SummaryRow[] {
  return [...tied, ...slower, ...disqualified].map(({ cell }) => cell).filter((cell) => cell !== choice);
}

/** The scatter of a gain is unknown where both sides have one block in common, which may be disturbed. */
function gainText(gain: Ratio, { choice, environment }: GainOptions): string {
  const times = `${withInterval(gain)} sequential`;
  if (hasInterval(gain)) return times;
  const usable = Math.min(choice.workers, environment.cores.effective);
  return choice.kind === 'cpu' && gain.ratio > usable * maxNoise
    ? `about ${times}, by a single ${turn(environment)} that must have been disturbed`
    : `about ${times}, by a single ${turn(environment)}`;
}

type GainOptions = { readonly choice: SummaryRow } & Pick<VerdictOptions, 'environment'>;

/** Scatter on a quiet machine adds no more than this factor to the gain that the cores allow. */
const maxNoise = 1.25;

/** Says which latency a limit was compared with. */
function closedLoop({ choice }: Decision, { latencyP99Ms }: VerdictOptions): string[] {
  if (latencyP99Ms === null || choice.latency_p99_ms === null) return [];
  const p99 = `p99 ${number(choice.latency_p99_ms)} ms, limit ${number(latencyP99Ms)} ms`;
  return [`Its latency is that of a closed loop at full load: ${p99}.`];
}

/** It is unknown how much rates scatter if there are fewer blocks. */
const minBlocks = 3;

function confidence(
  decision: Decision,
  { environment, name }: Pick<VerdictOptions, 'environment'> & { readonly name: Namer },
): string[] {
  const { choice, tied, regretBound, leftOut, blocks } = decision;
  const rivals = tied.filter(({ cell }) => cell !== choice);
  const measured = counted(blocks, turn(environment));
  if (isAlone(decision)) return [longer(environment)];
  if (blocks < minBlocks) {
    const others =
      rivals.length === 0
        ? ''
        : `; ${rivals.length} ${rivals.length === 1 ? 'other is' : 'others are'} not told apart from it`;
    return [`It was measured in only ${measured}, so this is a guess${others}. ${longer(environment)}`];
  }
  const unknown = leftOut === 0 ? [] : [unknownText(leftOut, environment)];
  if (rivals.length === 0) return [nextBest(decision, { name, measured, environment }), ...unknown];
  const named = rivals.slice(0, 2).map(({ cell }) => name(cell));
  const more = rivals.length > 2 ? [`${rivals.length - 2} more`] : [];
  const loss =
    regretBound === null
      ? []
      : [
          isUsefulBound(regretBound)
            ? `Using it loses at most ${percent(regretBound)} of the rate against ` +
              `${leftOut === 0 ? 'the best' : `those with more than one ${turn(environment)}`} (95 %).`
            : `What it may lose against the best is not known: ${turn(environment)}s differ too much.`,
        ];
  return [`${measured} did not tell it apart from ${listed([...named, ...more])}.`, ...loss, ...unknown];
}

/** Says of how many configurations little is known: they left the race after one block. */
function unknownText(leftOut: number, environment: Environment): string {
  const others = leftOut === 1 ? '1 other, which has' : `${leftOut} others, which have`;
  return `Little is known of ${others} a single ${turn(environment)}. ${longer(environment)}`;
}

/** `recommend` also reads runs of `bench`, which have rounds and no time budget. */
function longer(environment: Environment): string {
  return isRace(environment) ? 'Use a longer `--time-budget`.' : 'Measure more rounds.';
}

function turn(environment: Environment): string {
  return isRace(environment) ? 'block' : 'round';
}

function isRace({ profile }: Environment): boolean {
  return profile === 'pick';
}

function nextBest(
  { slower, leftOut }: Decision,
  {
    name,
    measured,
    environment,
  }: { readonly name: Namer; readonly measured: string; readonly environment: Environment },
): string {
  if (slower.length === 0) return `No other measured configuration keeps the constraints (${measured}).`;
  const next = slower.find(
    ({ relation, ratio }) => relation === 'slower' && ratio !== null && hasInterval(ratio),
  );
  if (next === undefined || next.ratio === null)
    return isRace(environment)
      ? `The others left the race early; this one was measured in ${measured}.`
      : `The others have too few rounds to be compared; this one has ${measured}.`;
  const second = `${name(next.cell)}, ${withInterval(next.ratio)} its rate`;
  return environment.not_measured === undefined && leftOut === 0
    ? `That is clear after ${measured}: the next is ${second}.`
    : `After ${measured} the next of the compared ones is ${second}.`;
}

/** Says that rates count failed documents. */
function failures({ failedShare: share }: VerdictOptions): string[] {
  return share === 0
    ? []
    : [`The task failed on ${percent(share)} of the measured documents; rates count them as done.`];
}

/** Says what several documents per worker are, for the choice. */
function inProgress({ choice: { per_worker, workers } }: Decision): string[] {
  if (per_worker === null) return [];
  const worker = workers === 1 ? 'The worker' : 'Each worker';
  return [`${worker} has up to ${per_worker} documents in progress at the same time.`];
}

/** Says below how many documents the baseline is faster, and whether the folder has fewer; null for none. */
function fewDocuments(
  { choice, disqualified }: Decision,
  { strategies, costs }: VerdictOptions,
): { readonly text: string; readonly isFolder: boolean } | null {
  const baseline = strategies.find((strategy) => strategy.baseline);
  const { break_even_documents: breakEven, startup_ms: startMs, cold_code_ms: coldMs } = choice;
  if (baseline === undefined || choice.strategy === baseline.name || breakEven === null || startMs === null)
    return null;
  if (breakEven < 2 || disqualified.some(({ cell }) => cell.strategy === baseline.name)) return null;
  const documents = costs?.folder_documents ?? Number.POSITIVE_INFINITY;
  const isFolder = documents < breakEven;
  const text =
    `Below about ${number(Math.ceil(breakEven))} documents per start \`${baseline.name}\` is faster` +
    `${isFolder ? `, as for these ${number(documents)}` : ''}: ` +
    `the start takes ${number(startMs)} ms${coldMs === null ? '' : `, and cold code ${number(coldMs)} ms`}.`;
  return { text, isFolder };
}

/** Says what to use if a crash must not end the caller. */
function inProcesses(
  decision: Decision,
  { environment, strategies, isolated, name }: VerdictOptions & { readonly name: Namer },
): string[] {
  const traits = strategies.find((strategy) => strategy.name === decision.choice.strategy);
  if (isolated === null || (traits?.isolation !== 'none' && traits?.isolation !== 'thread')) return [];
  // The rates of two promises come from different rounds, so only the paired ratio is a comparison.
  const compared = [...decision.tied, ...decision.slower].find(
    ({ cell }) => configurationName(cell) === configurationName(isolated.choice),
  );
  const figure = compared === undefined ? '' : rateText(compared, environment);
  return [`If a crash must not end the caller, use ${name(isolated.choice)}${figure}.`];
}

/** A single block shows only that a configuration is far slower. */
function rateText({ relation, ratio: its }: Decision['slower'][number], environment: Environment): string {
  if (its === null) return '';
  if (hasInterval(its)) return ` (${withInterval(its)} its rate)`;
  return relation === 'slower' ? ` (less than half its rate, by a single ${turn(environment)})` : '';
}

function where({ choice }: Decision, { environment }: VerdictOptions): string {
  const corpus = environment.corpora.find(
    (entry) => entry.workload === choice.workload && entry.corpus === choice.corpus,
  );
  const sizes = corpus === undefined ? '' : `, documents of ${sizesOf(corpus)}`;
  const read = corpus?.source === 'files' ? `, ${fromFiles}` : '';
  const node = environment.node.version.split('.')[0];
  return `Measured on ${number(environment.cores.effective)} cores, Node ${node}${sizes}${read}.`;
}
