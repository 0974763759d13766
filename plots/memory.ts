import type { SummaryRow } from '../bench/results/columns.js';
import type { Chart } from './chart.js';
import { grid, type Measure } from './grid.js';
import { coresRule, sequentialRule, series } from './layers.js';

const question = 'How much memory does it take?';

const exact: Measure = { title: 'peak memory, MB', value: (row) => megabytes(row.memory_peak_bytes) };
const upperBound: Measure = { title: 'peak RSS sum, MB (upper bound)', value: (row) => megabytes(row.rss_peak_bytes) };

const memory: Chart = {
  name: 'memory',
  question,
  spec: (data) => {
    const measure = countedOnce(data.summaries) ? exact : upperBound;
    return grid(data, {
      question,
      measure: () => measure,
      sameY: true,
      layers: [sequentialRule, coresRule, series],
    });
  },
};

/**
 * The two measures must not meet in one picture: they differ by the pages that processes share. A cell without any
 * memory, as a failed one is, decides nothing.
 */
function countedOnce(summaries: readonly SummaryRow[]): boolean {
  return summaries.every((row) => row.memory_peak_bytes !== null || row.rss_peak_bytes === null);
}

function megabytes(bytes: number | null): number | null {
  return bytes === null ? null : bytes / 1e6;
}

export default memory;
