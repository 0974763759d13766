import type { Chart, ChartData } from './chart.js';
import { grid, type Measure } from './grid.js';
import { coresRule, idealLine, series } from './layers.js';

const question = 'How much of the ideal speed-up is reached?';

/** Work that computes is held against the cores it could have used, work that waits against its workers. */
const overCores: Measure = { title: 'speed-up ÷ min(workers, cores)', value: (row) => row.efficiency_cores, ideal: () => 1 };
const overWorkers: Measure = { title: 'speed-up ÷ workers', value: (row) => row.efficiency_workers, ideal: () => 1 };

const efficiency: Chart = {
  name: 'efficiency',
  question,
  spec: (data) =>
    grid(withoutSequential(data), {
      question,
      measure: ({ kind }) => (kind === 'cpu' ? overCores : overWorkers),
      sameY: true,
      layers: [coresRule, idealLine, series],
    }),
};

/** `sequential` is the measure itself: 1 by definition. */
function withoutSequential({ summaries, effectiveCores }: ChartData): ChartData {
  return { summaries: summaries.filter((row) => row.strategy !== 'sequential'), effectiveCores };
}

export default efficiency;
