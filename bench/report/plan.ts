import { estimateArrivals } from '../arrivals/measure.js';
import { callsOfRounds } from '../measure/calls.js';
import {
  type Cell,
  type LoadedStrategy,
  type PlannedStrategy,
  type PreparedWorkload,
  sourceCell,
  sourceRecord,
} from '../trials/plan.js';
import type { BenchRequest } from '../trials/request.js';
import { estimateRoundMs } from '../trials/rounds.js';
import type { StageCost } from '../trials/splits.js';
import type { Timing } from '../trials/timing.js';
import { fromFiles } from '../words/source.js';
import { counted, duration, listed, number, size } from '../words/units.js';

/** Everything that is settled before the first trial. */
export interface Plan {
  readonly request: BenchRequest;
  readonly prepared: readonly PreparedWorkload[];
  readonly loaded: readonly LoadedStrategy[];
  readonly planned: readonly PlannedStrategy[];
  readonly cells: readonly Cell[];
  readonly twins: readonly Cell[];
  readonly timing: Timing;
  readonly cores: number;
}

/** The plan in a few lines, before anything is measured. */
export function planText(plan: Plan): string {
  const { request, prepared, loaded, cells, twins, cores } = plan;
  const { min, max } = request.rounds;
  const corpora = prepared.map(({ ref, kind, corpora }) => {
    const parts = corpora.map((corpus) => {
      const { name, documents, bytes } = corpus;
      const read = sourceCell(corpus) === null ? '' : `, ${fromFiles}`;
      return `${name} (${counted(documents, 'document')}, ${size(bytes)}${read})`;
    });
    return `  ${ref.name} (${kind}) on ${listed(parts)}`;
  });
  const stages = prepared.flatMap(({ ref, corpora }) =>
    corpora.flatMap((corpus) =>
      corpus.stages === undefined
        ? []
        : [`  stages of ${ref.name} on ${corpus.name}: ${costsText(corpus.stages)}`],
    ),
  );
  const rounds = min === max ? counted(max, 'round') : `${min} to ${max} rounds`;
  const trials = span(min, max, (rounds) => String(rounds * trialsPerRound(plan)));
  const perRound = `${cells.length} cells and ${twins.length} for the A/A test`;
  const measured = `${perRound} × ${rounds} = ${trials} trials`;
  const names = loaded.map(({ strategy }) => strategy.name).join(', ');
  const time = span(min, max, (rounds) => duration(rounds * estimateRoundMs(plan)));
  const budget = request.budgetMs === null ? '' : `; ends within ${duration(request.budgetMs)}`;
  return [
    `Plan: profile ${request.profile.name}, ${measured}, seed ${request.seed}`,
    ...corpora,
    ...stages,
    `  ${names} at ${workerCounts(plan).join(', ')} workers; ${cores} effective cores`,
    `  about ${time}${budget}`,
    ...callsText(plan),
    ...openLoops(plan),
    '',
  ].join('\n');
}

/** How often tasks are called, where they may call a service. */
function callsText(plan: Plan): string[] {
  const { request, prepared } = plan;
  if (request.maxCalls === null && prepared.every(({ kind }) => kind === 'cpu')) return [];
  const calls = callsOfRounds(plan, request.rounds.max);
  const trimmed = request.maxCalls === null ? '' : `; --max-calls allows ${request.maxCalls}`;
  return [`  at most ${number(calls)} calls of the tasks${trimmed}`];
}

function costsText(stages: readonly StageCost[]): string {
  return listed(
    stages.map(({ name, kind, serviceMs, ratio }) => {
      const often = ratio === 1 ? '' : `, ${number(ratio)} values per document`;
      return `${name} ${number(serviceMs)} ms (${kind}${often})`;
    }),
  );
}

/** What open loops add to the plan. */
function openLoops(plan: Plan): string[] {
  const { arrivals } = plan.request;
  const planned = openLoopsOf(plan);
  if (arrivals === null || planned === null) return [];
  const { trials, searches, ms } = planned;
  const parts = [
    ...(trials > 0 ? [`${counted(trials, 'trial')} of ${duration(arrivals.timeMs)}`] : []),
    ...(searches > 0 ? [`${searches} searches for ${arrivals.slo?.text}`] : []),
  ];
  return [`  then open loops: ${listed(parts)}, about ${duration(ms)}`];
}

function openLoopsOf({ request, prepared, planned }: Plan): ReturnType<typeof estimateArrivals> | null {
  if (request.arrivals === null) return null;
  const families = prepared.reduce((sum, { corpora }) => sum + corpora.length, 0);
  const strategies = planned.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
  return estimateArrivals(request.arrivals, { families, strategies });
}

/** Returns the plan as data, for `--dry-run --json`. */
export function planData(plan: Plan) {
  const { request, prepared, cells } = plan;
  const openLoops = openLoopsOf(plan);
  return {
    profile: request.profile.name,
    rounds: { least: request.rounds.min, most: request.rounds.max },
    seed: request.seed,
    trials: request.rounds.min * trialsPerRound(plan),
    estimate_ms: Math.round(request.rounds.min * estimateRoundMs(plan)),
    calls_most: callsOfRounds(plan, request.rounds.max),
    ...(openLoops !== null && {
      open_loops: {
        trials: openLoops.trials,
        searches: openLoops.searches,
        estimate_ms: Math.round(openLoops.ms),
      },
    }),
    corpora: prepared.flatMap(({ ref, corpora }) =>
      corpora.map((corpus) => ({
        workload: ref.name,
        corpus: corpus.name,
        ...sourceRecord(corpus),
        ...corpus.profile,
      })),
    ),
    cells: cells.map(({ workload, corpus, strategy, workers, delivery, configuration }) => ({
      workload: workload.ref.name,
      corpus: corpus.name,
      ...sourceRecord(corpus),
      strategy: strategy.strategy.name,
      workers,
      delivery,
      ...(configuration !== undefined && { configuration }),
    })),
  };
}

/** All numbers of workers of the plan, ascending. */
function workerCounts({ cells }: Plan): number[] {
  const scaled = cells.filter(({ strategy }) => strategy.strategy.scales);
  const counts = (scaled.length > 0 ? scaled : cells).map(({ workers }) => workers);
  return [...new Set(counts)].sort((a, b) => a - b);
}

export function trialsPerRound({ cells, twins }: Plan): number {
  return cells.length + twins.length;
}

function span(min: number, max: number, print: (rounds: number) => string): string {
  return min === max ? print(max) : `${print(min)} to ${print(max)}`;
}
