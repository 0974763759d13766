import { byCorpus, byWorkload, configurationName, highest } from '../captions.js';
import type { Chart } from '../chart.js';
import { grid } from '../grid.js';
import { baselineRule, coresRule, series } from '../layers.js';

const question = 'How far does it scale?';
const missing = 'no trial was valid';

const throughput: Chart = {
  name: 'throughput',
  question,
  table: {
    from: 'summaries',
    columns: ['documents_per_second', 'documents_per_second_low', 'documents_per_second_high', 'rounds'],
  },
  caption: (data) =>
    byWorkload(data.summaries, (rows) => {
      const highestRates = byCorpus(rows, (cells) => {
        const best = highest(cells, (row) => row.documents_per_second);
        return best === null ? null : configurationName(best.row, data);
      });
      return highestRates === null ? null : `highest measured rate: ${highestRates}`;
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
      sameY: false, // a document that is ten times as large has about a tenth of the rate
      layers: [baselineRule, coresRule, series],
    }),
};

export default throughput;
