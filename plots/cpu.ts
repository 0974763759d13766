import type { Chart } from './chart.js';
import { grid } from './grid.js';
import { coresRule, sequentialRule, series } from './layers.js';

const question = 'What does a document cost in CPU time?';

const cpu: Chart = {
  name: 'cpu',
  question,
  spec: (data) =>
    grid(data, {
      question,
      measure: () => ({ title: 'CPU time of all processes, ms per document', value: (row) => row.cpu_ms_per_document }),
      sameY: false, // a larger document takes more of it
      layers: [sequentialRule, coresRule, series],
    }),
};

export default cpu;
