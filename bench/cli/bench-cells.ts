import { strategies } from '../../strategies/index.js';
import { urlsOf } from '../check/examine.js';
import { inFlightFinding, isInFlight, mixingText } from '../check/known.js';
import { UsageError } from '../errors.js';
import type { Plan } from '../report/plan.js';
import { workersThere } from '../trials/agents-there.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import {
  type Cell,
  hasStages,
  isMeasuredOn,
  type LoadedStrategy,
  type PlannedStrategy,
  type PreparedWorkload,
} from '../trials/plan.js';
import { loadStrategies } from '../trials/prepare.js';
import type { BenchRequest } from '../trials/request.js';
import { parseList } from '../words/parse.js';
import { note } from './terminal.js';

/** `bench` measures these of the strategies and cells that it was asked for. */

/**
 * Tells which of the chosen strategies are measured: the ones with a name that the user gives, and otherwise
 * the ones that apply. `peers` names none of ours.
 */
export function isMeant(
  names: string | undefined,
  prepared: readonly PreparedWorkload[],
): (loaded: LoadedStrategy) => boolean {
  const applies = isMeasuredOn(prepared);
  if (names === undefined) return applies;
  const named = parseList(names, '--strategies', (name) => name);
  return (loaded) => {
    const { name, origin } = loaded.strategy;
    return origin !== 'ours' || named.includes(name) || applies(loaded);
  };
}

/** @throws UsageError where workers of stages are asked for, and nothing has any */
export function refuseUnstaged(
  { stages }: BenchRequest,
  { prepared, loaded }: Pick<Plan, 'prepared' | 'loaded'>,
): void {
  if (stages === null) return;
  if (!prepared.some(hasStages))
    throw new UsageError(
      '--stages: expected a task with stages, got none; export `stages` (docs/stages.md), or leave it out',
    );
  if (!loaded.some(({ strategy }) => strategy.staged === true))
    throw new UsageError(
      '--stages: expected a strategy with workers for each stage in --strategies, got none; leave one out',
    );
}

/** Agents that are there have a number of workers of their own. It replaces the ones that were asked for. */
export async function withAgentsThere(
  planned: PlannedStrategy[],
  { broker, prepared }: { readonly broker: string | null; readonly prepared: readonly PreparedWorkload[] },
): Promise<PlannedStrategy[]> {
  const between = planned.find(({ loaded }) => loaded.strategy.isolation === 'machine');
  const [first] = prepared;
  if (broker === null || between === undefined || first === undefined) return planned;
  const workers = [await workersThere(broker, { loaded: between.loaded, task: first.ref })];
  return planned.map((each) => (each.loaded.strategy.isolation === 'machine' ? { ...each, workers } : each));
}

interface Testing {
  readonly helpers: HelperProcesses;
  readonly request: BenchRequest;
  readonly prepared: readonly PreparedWorkload[];
  /** Nothing is left out. */
  readonly force: boolean;
}

/** Leaves out what the user's own task does not bear: several documents at a time on one thread. */
export async function withoutMixing(
  cells: Cell[],
  { helpers, request, prepared, force }: Testing,
): Promise<Cell[]> {
  const mixing = cells.filter(isInFlight);
  const [workload] = prepared;
  const corpus = workload?.corpora[0];
  if (request.own === undefined || workload === undefined || corpus === undefined || mixing.length === 0)
    return cells;
  const own = await loadStrategies(strategies.map(({ url }) => url));
  const lab = { helpers, task: workload.ref, strategies: urlsOf(own) };
  const { sha256 } = request.own;
  const finding = await inFlightFinding(lab, { ...corpus, sha256, corpus: corpus.file });
  if (finding?.level !== 'error') return cells;
  note(mixingText(mixing, { said: finding.said, force }));
  return force ? cells : cells.filter((cell) => !mixing.includes(cell));
}
