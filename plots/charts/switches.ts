import type { SummaryRow } from '../../bench/tables/summary-columns.js';
import { byWorkload, spanAtSmallest } from '../captions.js';
import type { Chart } from '../chart.js';
import { grid } from '../grid.js';
import { baselineRule, coresRule, series } from '../layers.js';

const question = 'How many context switches does a document cause?';
const missing = 'no trial recorded its context switches';

const perDocument = ({ context_switches_per_document }: SummaryRow) => context_switches_per_document;

const switches: Chart = {
  name: 'switches',
  question,
  table: { from: 'summaries', columns: ['context_switches_per_document'] },
  caption: (data) =>
    byWorkload(data.summaries, (rows) =>
      spanAtSmallest({ rows, value: perDocument, unit: 'per document' }, data),
    ),
  spec: (data) =>
    grid(data, {
      question,
      missing,
      measure: () => ({ title: 'context switches of all processes per document', value: perDocument }),
      sameY: false,
      layers: [baselineRule, coresRule, series],
    }),
};

export default switches;
