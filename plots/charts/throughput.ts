import { byCorpus, byWorkload, cellName, highest } from '../captions.js';
import type { Chart } from '../chart.js';
import { grid } from '../grid.js';
import { coresRule, sequentialRule, series } from '../layers.js';

const question = 'How far does it scale?';
const missing = 'no trial was valid';

const throughput: Chart = {
  name: 'throughput',
  question,
  table: {
    from: 'summaries',
    columns: ['documents_per_second', 'documents_per_second_low', 'documents_per_second_high', 'rounds'],
  },
  caption: ({ summaries }) =>
    byWorkload(summaries, (rows) => {
      const fastest = byCorpus(rows, (cells) => {
        const best = highest(cells, ({ documents_per_second }) => documents_per_second);
        return best === null ? null : cellName(best);
      });
      return fastest === null ? null : `fastest is ${fastest}`;
    }),
  spec: (data) =>
    grid(data, {
      question,
      missing,
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
