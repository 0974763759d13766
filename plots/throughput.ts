import type { Chart } from './chart.js';
import { grid } from './grid.js';
import { coresRule, sequentialRule, series } from './layers.js';

const question = 'How far does it scale?';

const throughput: Chart = {
  name: 'throughput',
  question,
  spec: (data) =>
    grid(data, {
      question,
      measure: () => ({
        title: 'documents per second',
        value: (row) => row.documents_per_second,
        interval: (row) => ({ low: row.documents_per_second_low, high: row.documents_per_second_high }),
      }),
      sameY: false, // ten times the document is about a tenth of the rate
      layers: [sequentialRule, coresRule, series],
    }),
};

export default throughput;
