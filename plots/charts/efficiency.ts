import type { SummaryRow } from '../../bench/tables/columns.js';
import { byWorkload, cellName, highest } from '../captions.js';
import type { Chart, ChartData } from '../chart.js';
import { grid, type Measure } from '../grid.js';
import { coresRule, idealLine, series } from '../layers.js';

const question = 'How much of the ideal speed-up is reached?';
const missing = 'sequential and another strategy must have valid trials';

/** Work that computes is held against the cores it could have used, work that waits against its workers. */
const overCores: Measure = {
  title: 'speed-up ÷ min(workers, cores)',
  value: (row) => row.efficiency_cores,
  ideal: () => 1,
};
const overWorkers: Measure = {
  title: 'speed-up ÷ workers',
  value: (row) => row.efficiency_workers,
  ideal: () => 1,
};

const efficiency: Chart = {
  name: 'efficiency',
  question,
  table: { from: 'summaries', columns: ['efficiency_cores', 'efficiency_workers', 'oversubscribed'] },
  caption: ({ summaries }) =>
    byWorkload(
      summaries.filter(({ strategy, workers }) => strategy !== 'sequential' && workers > 1),
      (rows) => {
        const value = (row: SummaryRow) =>
          row.kind === 'cpu' ? row.efficiency_cores : row.efficiency_workers;
        const best = highest(rows, value);
        return best === null
          ? null
          : `at best ${Math.round(100 * (value(best) as number))} % of it, by ${cellName(best)} at ${best.corpus}`;
      },
    ),
  spec: (data) =>
    grid(withoutSequential(data), {
      question,
      missing,
      measure: ({ kind }) => (kind === 'cpu' ? overCores : overWorkers),
      sameY: true,
      layers: [coresRule, idealLine, series],
    }),
};

/** `sequential` is the measure itself: 1 by definition. */
function withoutSequential(data: ChartData): ChartData {
  return { ...data, summaries: data.summaries.filter((row) => row.strategy !== 'sequential') };
}

export default efficiency;
