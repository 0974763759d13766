import type { ArrivalRow } from '../tables/arrival-columns.js';
import { type ArrivalSummaryRow, summariseArrivals } from '../tables/arrival-summary.js';
import type { ComparisonRow } from '../tables/comparison-columns.js';
import type { Environment } from '../tables/environment.js';
import type { FaultRow } from '../tables/fault-columns.js';
import type { ProjectionRow, ScalingRow } from '../tables/scaling-columns.js';
import type { CrossoverRow, HintRow, SituationRow, WinnerRow } from '../tables/situation-columns.js';
import type { SloRow } from '../tables/slo-columns.js';
import type { StageRow } from '../tables/stage-columns.js';
import { strategiesElsewhere, summarise } from '../tables/summarise.js';
import type { SummaryRow } from '../tables/summary-columns.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { compare, marginsOf } from './compare.js';
import { type Conclusion, conclude, type Decided } from './conclude.js';
import { hasLongerNetwork, type Traits } from './configurations.js';
import { crossovers } from './crossovers.js';
import type { Ending } from './hints/hint.js';
import { hints } from './hints/hints.js';
import { measuredRows, type Projection, projectionRows, scalingRows, scalingSeries } from './scaling.js';
import { situations } from './situations.js';
import { winners } from './winners.js';

/** Everything that a run shows, computed from its trials and its environment alone. */
export interface Findings {
  readonly environment: Environment;
  /** The order is that of tables and legends. */
  readonly strategies: readonly Traits[];
  readonly trials: readonly TrialRow[];
  readonly summaries: readonly SummaryRow[];
  readonly comparisons: readonly ComparisonRow[];
  readonly scaling: readonly ScalingRow[];
  readonly projections: readonly ProjectionRow[];
  readonly winners: readonly WinnerRow[];
  readonly crossovers: readonly CrossoverRow[];
  readonly situations: readonly SituationRow[];
  readonly hints: readonly HintRow[];
  /** The fault matrix, where it was measured for this run. */
  readonly faults: readonly FaultRow[];
  /** Latencies under rates of arrivals, where they were measured for this run. */
  readonly arrivals: readonly ArrivalSummaryRow[];
  /** The highest rates under a limit, where they were searched for this run. */
  readonly limits: readonly SloRow[];
  /** What each stage did in each trial, where stages had workers of their own. */
  readonly stages: readonly StageRow[];
  readonly conclusions: readonly Conclusion[];
  /** True where every planned round was measured to its end. */
  readonly complete: boolean;
  readonly ending: Ending;
}

/**
 * Projections are made for a million documents within an hour, at these numbers of workers, unless others are
 * asked for.
 */
export const defaultProjection: Projection = {
  documents: 1_000_000,
  deadlineHours: 1,
  workers: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64],
};

export function findings(
  trials: readonly TrialRow[],
  options: {
    environment: Environment;
    strategies: readonly Traits[];
    projection?: Projection;
    faults?: readonly FaultRow[];
    arrivals?: readonly ArrivalRow[];
    limits?: readonly SloRow[];
    stages?: readonly StageRow[];
    decided?: Decided | undefined;
  },
): Findings {
  const { environment, strategies } = options;
  const { corpora, cores } = environment;
  const cells = trials.filter(({ twin }) => twin === null);
  const summaries = summarise(cells, {
    effectiveCores: cores.effective,
    corpora,
    strategies,
    elsewhere: strategiesElsewhere(environment, strategies),
  });
  const baseline = strategies.find((strategy) => strategy.baseline)?.name ?? '';
  const upperBounds = strategies.filter(({ limit }) => limit === true).map(({ name }) => name);
  const comparisons = compare(trials, { claims: environment.claims, baseline, limits: upperBounds });
  // Their tables have no column for it.
  const longest = trials.filter((trial) => !hasLongerNetwork(trials, trial));
  const scaling = scalingSeries(
    longest.filter(({ twin }) => twin === null),
    {
      effectiveCores: cores.effective,
      memoryBytes: usableMemory(environment),
      seed: environment.seed,
    },
  );
  const terms = { trials: cells, strategies, margins: marginsOf(trials) };
  const conclusions = conclude(summaries, {
    ...terms,
    comparisons,
    claims: environment.claims,
    decided: options.decided,
  });
  const ending = endingOf(trials, environment);
  const projection = options.projection ?? defaultProjection;
  return {
    environment,
    strategies,
    trials,
    summaries,
    comparisons,
    scaling: scalingRows(scaling),
    projections: [
      ...measuredRows(conclusions, { ...projection, trials: cells }),
      ...projectionRows(scaling, projection),
    ],
    winners: winners(summaries, terms),
    crossovers: crossovers(longest, {
      seed: environment.seed,
      workloads: corpora.map(({ workload }) => workload),
      strategies,
    }),
    // A race measures for one situation, the one that was asked for.
    situations: options.decided === undefined ? situations(summaries, { ...terms, conclusions }) : [],
    hints: hints({ environment, strategies, trials, summaries, comparisons, conclusions, ending }),
    faults: options.faults ?? [],
    arrivals: summariseArrivals(options.arrivals ?? []),
    limits: options.limits ?? [],
    stages: options.stages ?? [],
    conclusions,
    complete: ending === 'complete',
    ending,
  };
}

/** Bytes that the run could use. */
export function usableMemory({ machine }: Environment): number {
  return Math.min(machine.memory_bytes, machine.memory_limit_bytes ?? Number.POSITIVE_INFINITY);
}

/**
 * A run is complete if the last round that was begun has all its trials, and there are at least as many
 * rounds as were asked for. A budget ends a run only between rounds.
 */
function endingOf(trials: readonly TrialRow[], { plan }: Environment): Ending {
  const last = Math.max(0, ...trials.map(({ round }) => round));
  const turns = new Set(
    trials.filter(({ round, attempt }) => round === last && attempt === 1).map(({ order }) => order),
  );
  if (![0, turns.size].includes(plan.trials_per_round)) return 'within a round';
  return last >= plan.rounds_least ? 'complete' : 'between rounds';
}
