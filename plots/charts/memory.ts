import type { SummaryRow } from '../../bench/tables/columns.js';
import type { ScalingRow } from '../../bench/tables/scaling-columns.js';
import { number, size } from '../../bench/words/units.js';
import { cellName, highest, lowest } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { grid, type Measure, type Panel } from '../grid.js';
import { coresRule, sequentialRule, series } from '../layers.js';
import { referenceColour } from '../style.js';

const question = 'How much memory does it take?';
const missing = 'no trial tells its memory';

const exact: Measure = { title: 'peak memory, MB', value: (row) => megabytes(row.memory_peak_bytes) };
const upperBound: Measure = {
  title: 'peak RSS sum, MB (upper bound)',
  value: (row) => megabytes(row.rss_peak_bytes),
};

const memory: Chart = {
  name: 'memory',
  question,
  table: { from: 'summaries', columns: ['memory_peak_bytes', 'rss_peak_bytes'] },
  caption: ({ summaries, scaling, memoryBytes }) => {
    const { value } = countedOnce(summaries) ? exact : upperBound;
    const [least, most] = [lowest(summaries, value), highest(summaries, value)];
    if (least === null || most === null) return null;
    const span = `from ${number(value(least) as number)} MB (${cellName(least)}) to ${number(value(most) as number)} MB (${cellName(most)})`;
    return [span, dearestWorker(scaling, memoryBytes)].filter((part) => part !== null).join('; ');
  },
  spec: (data) => {
    const measure = countedOnce(data.summaries) ? exact : upperBound;
    return grid(data, {
      question,
      missing,
      measure: () => measure,
      sameY: true,
      layers: [sequentialRule, coresRule, limitRule(data), series],
    });
  },
};

export default memory;

/** "a worker of process-pool adds 51.3 MB, so that at most 393 fit into 80 % of 25,300 MB". */
function dearestWorker(scaling: readonly ScalingRow[], memoryBytes: number): string | null {
  const known = scaling.filter(
    (row) => row.memory_per_worker_bytes !== null && row.memory_workers_most !== null,
  );
  if (known.length === 0) return null;
  const { strategy, memory_per_worker_bytes, memory_workers_most } = known.reduce((dearest, row) =>
    (row.memory_workers_most as number) < (dearest.memory_workers_most as number) ? row : dearest,
  );
  const most = (memory_workers_most as number).toLocaleString('en-US');
  return `a worker of ${strategy} adds ${size(memory_per_worker_bytes as number)}, so that at most ${most} fit into 80 % of ${size(memoryBytes)}`;
}

/** The memory there is, where it is near enough to what was measured to be in the picture. */
function limitRule({ memoryBytes }: ChartData): (panel: Panel) => Spec[] {
  const limit = memoryBytes / 1e6;
  return ({ points, domain }) => {
    const largest = Math.max(...points.map(({ value }) => value ?? 0));
    if (limit > 2 * largest || limit > domain.y[1]) return [];
    const y = { field: 'limit', type: 'quantitative' };
    return [
      {
        data: { values: [{ limit }] },
        layer: [
          { mark: { type: 'rule', color: referenceColour, strokeWidth: 1.5 }, encoding: { y } },
          {
            mark: {
              type: 'text',
              color: referenceColour,
              align: 'left',
              baseline: 'bottom',
              dx: 4,
              fontSize: 10,
              text: 'limit',
            },
            encoding: { x: { value: 0 }, y },
          },
        ],
      },
    ];
  };
}

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
