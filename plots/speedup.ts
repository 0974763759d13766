import type { Chart } from './chart.js';
import { grid } from './grid.js';
import { coresRule, idealLine, sequentialRule, series } from './layers.js';

const question = 'How much faster than sequential?';

const speedup: Chart = {
  name: 'speedup',
  question,
  spec: (data) =>
    grid(data, {
      question,
      measure: ({ kind, effectiveCores }) => ({
        title: 'speed-up over sequential',
        value: (row) => row.speedup,
        interval: (row) => ({ low: row.speedup_low, high: row.speedup_high }),
        // Cores bound work that computes; of work that waits, as much can wait at once as there are workers.
        ideal: kind === 'cpu' ? (workers) => Math.min(workers, effectiveCores) : (workers) => workers,
      }),
      sameY: true,
      layers: [sequentialRule, coresRule, idealLine, series],
    }),
};

export default speedup;
