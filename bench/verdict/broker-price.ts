import type { StrategyTraits } from '../../strategies/strategy.js';
import { geometricInterval } from '../stats/estimate.js';
import { sameCell } from '../tables/cell.js';
import { memoryOf } from '../tables/memory.js';
import { pairedLogRatios } from '../tables/summarise.js';
import type { RatedSummary } from '../tables/summary-columns.js';
import type { TrialRow } from '../tables/trial-columns.js';
import type { Ratio } from './choice.js';

/** The cost of a broker between machines, over the strategy that its agents use, on the same documents. */
export interface BrokerPrice {
  readonly between: RatedSummary;
  /** The same number of workers, without a broker. */
  readonly alone: RatedSummary;
  /** Rate through the broker ÷ rate without; null where they have no round in common. */
  readonly rate: Ratio | null;
  /**
   * CPU time per document, µs, broker and agents included; null where a part of it was not seen, as with
   * agents that are there.
   */
  readonly cpuUs: { readonly between: number; readonly alone: number } | null;
  /** Peaks of the whole trees; null where one is unknown. */
  readonly memoryBytes: { readonly between: number; readonly alone: number } | null;
}

/** @param family the cells of one workload and corpus */
export function brokerPrices(
  family: readonly RatedSummary[],
  {
    trials,
    strategies,
  }: {
    readonly trials: readonly TrialRow[];
    readonly strategies: readonly Pick<StrategyTraits, 'name' | 'inner'>[];
  },
): BrokerPrice[] {
  return family.flatMap((between) => {
    const inner = strategies.find(({ name }) => name === between.strategy)?.inner;
    const candidates = family.filter(
      ({ strategy, workers, per_worker }) =>
        strategy === inner && workers === between.workers && per_worker === between.per_worker,
    );
    // Documents travel the same way to the workers where that was measured.
    const alone = candidates.find(({ delivery }) => delivery === between.delivery) ?? candidates[0];
    if (alone === undefined) return [];
    const of = (cell: RatedSummary) => trials.filter((trial) => sameCell(trial, cell));
    const ratios = pairedLogRatios(of(between), of(alone)).map(Math.exp);
    const { mean, low, high } = ratios.length === 0 ? unknownMean : geometricInterval(ratios);
    return [
      {
        between,
        alone,
        rate: mean === null ? null : { ratio: mean, low, high },
        cpuUs: both(between, alone, ({ cpu_ms_per_document: ms }) => (ms === null ? null : 1e3 * ms)),
        memoryBytes: both(between, alone, memoryOf),
      },
    ];
  });
}

const unknownMean = { mean: null, low: null, high: null };

function both(
  between: RatedSummary,
  alone: RatedSummary,
  figure: (cell: RatedSummary) => number | null,
): { readonly between: number; readonly alone: number } | null {
  const [one, other] = [figure(between), figure(alone)];
  return one === null || other === null ? null : { between: one, alone: other };
}
