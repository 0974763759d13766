import type { SummaryRow } from '../../bench/tables/columns.js';
import { byWorkload, spanAtSmallest } from '../captions.js';
import type { Chart } from '../chart.js';
import { grid } from '../grid.js';
import { coresRule, sequentialRule, series } from '../layers.js';

const question = 'How often does a document change threads?';
const missing = 'no trial tells its context switches';

const switches = ({ context_switches_per_document }: SummaryRow) => context_switches_per_document;

const chart: Chart = {
  name: 'switches',
  question,
  table: { from: 'summaries', columns: ['context_switches_per_document'] },
  caption: ({ summaries }) => byWorkload(summaries, (rows) => spanAtSmallest(rows, switches, 'a document')),
  spec: (data) =>
    grid(data, {
      question,
      missing,
      measure: () => ({ title: 'context switches of all processes per document', value: switches }),
      sameY: false,
      layers: [sequentialRule, coresRule, series],
    }),
};

export default chart;
