import type { StrategyTraits } from '../../strategies/strategy.js';
import type { LogRate } from '../stats/moderated.js';
import type { FamilyId } from '../tables/cell.js';
import { comparableRate } from '../tables/summarise.js';
import { hasRate, type RatedSummary, type SummaryRow } from '../tables/summary-columns.js';
import { isOk, type TrialRow } from '../tables/trial-columns.js';
import { baselineCellOf, beyondCores } from './beyond-cores.js';
import type { Configuration, FamilyRates } from './choice.js';

/** The rows of a run as the rule that chooses (`choice.ts`) takes them. */

/** The verdict needs to know these traits of a strategy. */
export type Traits = Pick<
  StrategyTraits,
  'name' | 'isolation' | 'baseline' | 'concurrency' | 'limit' | 'staged' | 'inner'
>;

export function isBaseline(
  strategies: readonly Pick<Traits, 'name' | 'baseline'>[],
  { strategy }: Pick<TrialRow, 'strategy'>,
): boolean {
  return strategies.some(({ name, baseline }) => baseline && name === strategy);
}

/** True for a limit of the machine: other strategies are compared with it, and it is never chosen. */
export function isLimit(
  strategies: readonly Pick<Traits, 'name' | 'limit'>[],
  { strategy }: Pick<TrialRow, 'strategy'>,
): boolean {
  return strategies.some(({ name, limit }) => limit === true && name === strategy);
}

/** A configuration carries its row of `summary.csv`. */
export interface Measured extends Configuration {
  readonly cell: RatedSummary;
}

/** Names a configuration within its workload. The same configuration has the same name at every size. */
export function configurationName({
  strategy,
  workers,
  delivery,
  rtt_ms = null,
  per_worker = null,
}: Pick<TrialRow, 'strategy' | 'workers' | 'delivery'> &
  Partial<Pick<TrialRow, 'rtt_ms' | 'per_worker'>>): string {
  const network = rtt_ms === null ? '' : ` ${rtt_ms} ms`;
  return `${strategy} ${workers} ${delivery}${network}${per_worker === null ? '' : ` ${per_worker} each`}`;
}

/** Names the configuration of a recommendation as `configurationName` names that of a row. */
export function recommendedName({
  strategy,
  workers,
  delivery,
  perWorker,
}: Pick<TrialRow, 'strategy' | 'workers' | 'delivery'> & { readonly perWorker?: number }): string {
  return configurationName({ strategy, workers, delivery, per_worker: perWorker ?? null });
}

/** Rows with the same key compete with each other. */
export function familyOf({ workload, corpus, source }: FamilyId): string {
  return JSON.stringify([workload, corpus, source]);
}

export interface FamilyOptions {
  /** All trials are of the same workload and corpus. */
  readonly trials: readonly TrialRow[];
  readonly strategies: readonly Traits[];
  /** Log ratio below which a difference does not count. */
  readonly margin: number;
  /** Rules out further cells, beside the ones that no command may choose. */
  readonly barred?: (cell: RatedSummary) => boolean;
  /** True where more workers than cores may be chosen, although they compute. */
  readonly allowOversubscribed?: boolean;
  /** Configurations are compared by these logarithms, or by their rates if they are left out. */
  readonly rates?: readonly LogRate[];
  readonly chosen?: string | undefined;
}

/** @param cells of one workload and corpus */
export function familyRates(
  cells: readonly SummaryRow[],
  { trials, strategies, margin, chosen, ...options }: FamilyOptions,
): FamilyRates<Measured> {
  const { barred = () => false, allowOversubscribed = false, rates = logRates(trials) } = options;
  const configurations = cells.filter(hasRate).map((cell): Measured => {
    const traits = strategies.find(({ name }) => name === cell.strategy);
    const isolation = traits?.isolation ?? 'none';
    return {
      name: configurationName(cell),
      isolation,
      workers: cell.workers,
      baseline: traits?.baseline ?? false,
      barred:
        traits?.limit === true ||
        hasLongerNetwork(cells, cell) ||
        barredBecause(
          cell,
          { isolation, staged: traits?.staged },
          { baseline: baselineCellOf(cell, { cells, strategies }), allowOversubscribed },
        ) !== null ||
        barred(cell),
      cell,
    };
  });
  return { configurations, rates, margin, chosen };
}

/**
 * True where the same strategy was also measured with a longer round trip to its broker. A network is no
 * choice: only the longest one of a run competes, and the others show what it costs.
 */
export function hasLongerNetwork(
  among: readonly Pick<TrialRow, 'strategy' | 'rtt_ms'>[],
  { strategy, rtt_ms }: Pick<TrialRow, 'strategy' | 'rtt_ms'>,
): boolean {
  return (
    rtt_ms !== null && among.some((other) => other.strategy === strategy && (other.rtt_ms ?? 0) > rtt_ms)
  );
}

/** One log rate per configuration and round. Twins are left out. */
export function logRates(trials: readonly TrialRow[]): LogRate[] {
  return logsOf(trials, (trial) => (isOk(trial) ? comparableRate(trial) : null));
}

/** Likewise, of another figure, where less is better: latency, memory. Trials without it are left out. */
export function logsOfCost(trials: readonly TrialRow[], cost: (trial: TrialRow) => number | null): LogRate[] {
  return logsOf(trials, (trial) => {
    const value = cost(trial);
    return value === null || value <= 0 ? null : 1 / value;
  });
}

function logsOf(trials: readonly TrialRow[], value: (trial: TrialRow) => number | null): LogRate[] {
  return trials.flatMap((trial) => {
    const found = trial.twin === null && isOk(trial) ? value(trial) : null;
    return found === null ? [] : [{ ...turnOf(trial), log: Math.log(found) }];
  });
}

/** Says which trial a rate belongs to. */
export function turnOf(trial: TrialRow): Omit<LogRate, 'log'> {
  return {
    configuration: configurationName(trial),
    round: trial.round,
    screening: trial.screening === true,
  };
}

/**
 * Why a configuration may not be chosen by any command, whatever its rate; null where it may. Workers that
 * compute and are more than the cores cost memory and gain only by chance. Documents in flight on one thread
 * are not such workers, nor are those of different stages, of which there is at least one each.
 */
export function barredBecause(
  cell: SummaryRow,
  { isolation, staged }: { isolation: StrategyTraits['isolation']; staged?: true | undefined },
  {
    baseline,
    allowOversubscribed = false,
  }: { readonly baseline: SummaryRow | undefined; readonly allowOversubscribed?: boolean },
): string | null {
  if (cell.digest_matches === false) return 'its results are not those of sequential';
  if (beyondCores(cell, baseline)?.explained === false)
    return 'beyond-cores: it is faster than its cores allow, and the cause is not known';
  return isolation !== 'none' && staged !== true && cell.oversubscribed === true && !allowOversubscribed
    ? `cores: ${cell.workers} workers that compute are more than there are cores`
    : null;
}
