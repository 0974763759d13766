import type { ChartData } from '../../plots/chart.js';
import { seriesName } from '../tables/series.js';
import { type Findings, usableMemory } from '../verdict/findings.js';

/**
 * Collects the rows that the charts are drawn from. A strategy that was measured with several deliveries
 * makes several series.
 */
export function chartData(found: Findings): ChartData {
  const { environment, summaries, comparisons, scaling, projections, winners, crossovers, trials } = found;
  const { arrivals, limits, stages } = found;
  const keyOf = ({ strategy, delivery, rtt_ms = null, per_worker = null }: Named) =>
    JSON.stringify([strategy, delivery, rtt_ms, per_worker]);
  const names = new Map(summaries.map((row) => [keyOf(row), seriesName(row, summaries)]));
  const named = <Row extends Named>(rows: readonly Row[]): Row[] =>
    rows.map((row) => {
      const strategy = names.get(keyOf(row)) ?? row.strategy;
      return strategy === row.strategy ? row : { ...row, strategy };
    });
  return {
    summaries: named(summaries),
    comparisons: named(comparisons),
    scaling: named(scaling),
    projections: named(projections),
    winners: named(winners),
    crossovers: named(crossovers),
    arrivals: named(arrivals),
    limits: named(limits),
    stages: named(stages),
    trials: named(trials),
    baseline: found.strategies.find(({ baseline }) => baseline)?.name ?? null,
    effectiveCores: environment.cores.effective,
    memoryBytes: usableMemory(environment),
  };
}

interface Named {
  readonly strategy: string;
  readonly delivery: string;
  readonly rtt_ms?: number | null;
  readonly per_worker?: number | null;
}
