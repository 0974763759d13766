import type { SummaryRow } from '../../bench/tables/summary-columns.js';
import { byWorkload, configurationName, highest, isBeyondCores } from '../captions.js';
import type { Chart, ChartData } from '../chart.js';
import { grid, type Measure } from '../grid.js';
import { coresRule, idealLine, series } from '../layers.js';

const question = 'How much of the ideal speed-up is reached?';
const missing = 'sequential and another strategy must have valid trials';

/** Work that computes is compared with the cores it could have used. */
const overCores: Measure = {
  title: 'speed-up ÷ min(workers, cores)',
  value: (row) => row.efficiency_cores,
  ideal: () => 1,
};
/** Work that waits is compared with the documents that may be in progress at the same time. */
const overInProgress: Measure = {
  title: 'speed-up ÷ documents in progress',
  value: ({ efficiency_workers: share, per_worker }) => (share === null ? null : share / (per_worker ?? 1)),
  ideal: () => 1,
};
const measureOf = ({ kind }: { readonly kind: string }) => (kind === 'cpu' ? overCores : overInProgress);

const efficiency: Chart = {
  name: 'efficiency',
  question,
  table: {
    from: 'summaries',
    columns: ['efficiency_cores', 'efficiency_workers', 'per_worker', 'oversubscribed'],
  },
  caption(data) {
    const parallel = withoutBaseline(data).summaries.filter(
      (row) => row.workers > 1 && !isBeyondCores(row, data),
    );
    return byWorkload(parallel, (rows) => {
      const best = highest(rows, (row: SummaryRow) => measureOf(row).value(row));
      if (best === null) return null;
      const by = `${configurationName(best.row, data)} at ${best.row.corpus}`;
      return `at most ${Math.round(100 * best.value)} % of it, by ${by}`;
    });
  },
  spec: (data) =>
    grid(withoutBaseline(data), {
      question,
      missing,
      measure: measureOf,
      sameY: true,
      layers: [coresRule, idealLine, series],
    }),
};

/** The baseline has an efficiency of 1 by definition, so it is not drawn. */
function withoutBaseline(data: ChartData): ChartData {
  return { ...data, summaries: data.summaries.filter((row) => row.strategy !== data.baseline) };
}

export default efficiency;
