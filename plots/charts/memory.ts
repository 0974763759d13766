import type { ScalingRow } from '../../bench/tables/scaling-columns.js';
import type { SummaryRow } from '../../bench/tables/summary-columns.js';
import { number, size } from '../../bench/words/units.js';
import { configurationName, highest, lowest, type Valued } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { grid, type Measure, type Panel } from '../grid.js';
import { baselineRule, coresRule, series } from '../layers.js';
import { referenceColour } from '../style.js';

const question = 'How much memory does it take?';
const missing = 'no trial recorded its memory';

const exact: Measure = { title: 'peak memory, MB', value: (row) => megabytes(row.memory_peak_bytes) };
const upperBound: Measure = {
  title: 'peak RSS sum, MB (upper bound)',
  value: (row) => megabytes(row.rss_peak_bytes),
};

const memory: Chart = {
  name: 'memory',
  question,
  table: { from: 'summaries', columns: ['memory_peak_bytes', 'rss_peak_bytes'] },
  caption(data) {
    const { summaries, scaling, memoryBytes } = data;
    const { value } = measureOf(summaries);
    const [least, most] = [lowest(summaries, value), highest(summaries, value)];
    if (least === null || most === null) return null;
    const words = ({ row, value }: Valued) => `${number(value)} MB (${configurationName(row, data)})`;
    const span = least.row === most.row ? words(least) : `from ${words(least)} to ${words(most)}`;
    return [span, largestWorker(scaling, memoryBytes)].filter((part) => part !== null).join('; ');
  },
  spec: (data) =>
    grid(data, {
      question,
      missing,
      measure: () => measureOf(data.summaries),
      sameY: true,
      layers: [baselineRule, coresRule, limitRule(data), series],
    }),
};

export default memory;

/** "a worker of process-pool adds 51.3 MB, so at most 393 fit into 80 % of 25,300 MB". */
function largestWorker(scaling: readonly ScalingRow[], memoryBytes: number): string | null {
  let largest: { strategy: string; bytes: number; workers: number } | null = null;
  for (const { strategy, memory_per_worker_bytes: bytes, memory_workers_most: workers } of scaling) {
    if (bytes === null || workers === null) continue;
    if (largest === null || workers < largest.workers) largest = { strategy, bytes, workers };
  }
  if (largest === null) return null;
  const workers = largest.workers.toLocaleString('en-US');
  const adds = `a worker of ${largest.strategy} adds ${size(largest.bytes)}`;
  return `${adds}, so at most ${workers} fit into 80 % of ${size(memoryBytes)}`;
}

/**
 * Draws the machine's memory as a rule where it is near enough to the measured values to fit into the
 * picture.
 */
function limitRule({ memoryBytes }: ChartData): (panel: Panel) => Spec[] {
  const limit = memoryBytes / 1e6;
  return ({ points, domain }) => {
    const largest = Math.max(...points.map(({ value }) => value ?? 0));
    if (limit > 2 * largest || limit > domain.y[1]) return [];
    const y = { field: 'limit', type: 'quantitative' };
    const text = { type: 'text', color: referenceColour, fontSize: 10, text: 'limit' };
    return [
      {
        data: { values: [{ limit }] },
        layer: [
          { mark: { type: 'rule', color: referenceColour, strokeWidth: 1.5 }, encoding: { y } },
          {
            mark: { ...text, align: 'left', baseline: 'bottom', dx: 4 },
            encoding: { x: { value: 0 }, y },
          },
        ],
      },
    ];
  };
}

/**
 * Chooses one measure for the whole picture, because the two differ by the pages that processes share. A cell
 * without any memory value, such as a failed one, does not influence the choice.
 */
function measureOf(summaries: readonly SummaryRow[]): Measure {
  const countedOnce = summaries.every((row) => row.memory_peak_bytes !== null || row.rss_peak_bytes === null);
  return countedOnce ? exact : upperBound;
}

function megabytes(bytes: number | null): number | null {
  return bytes === null ? null : bytes / 1e6;
}
