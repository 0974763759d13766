import type { CrossoverRow } from '../../bench/tables/situation-columns.js';
import type { SummaryRow } from '../../bench/tables/summary-columns.js';
import { listed, size } from '../../bench/words/units.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { endLabels, lineHeight } from '../end-labels.js';
import { labelled, logDomain } from '../log-axis.js';
import { lookChannelsWithoutLegend, looksIn } from '../looks.js';
import { picture, unique } from '../picture.js';
import { bandColour, referenceColour } from '../style.js';

const question = 'From which document size on is it worth it?';
const missing = 'it takes sequential and another strategy on documents of at least two sizes';

/** Every panel is this wide, px. */
const width = 420;

/**
 * Draws speed-up against document size, a line per strategy at the number of workers that is best over all
 * sizes.
 */
const crossover: Chart = {
  name: 'crossover',
  question,
  table: {
    from: 'crossovers',
    columns: [
      'kind',
      'bytes',
      'bytes_low',
      'bytes_high',
      'shown_from_bytes',
      'shown_until_bytes',
      'bytes_smallest',
      'bytes_largest',
      'reason',
    ],
  },
  caption(data) {
    const workloads = unique(data.crossovers.map(({ workload }) => workload));
    const clauses = workloads.flatMap((workload) => {
      const words = inWords(bestLines(data, workload).map(({ row }) => row));
      return words === null ? [] : [workloads.length > 1 ? `${workload}: ${words}` : words];
    });
    return clauses.length === 0 ? null : clauses.join('. ');
  },
  spec(data) {
    const panels = unique(data.crossovers.map(({ workload }) => workload)).flatMap((workload): Spec[] => {
      const lines = bestLines(data, workload);
      return lines.length === 0 ? [] : [panel(lines, { workload, data })];
    });
    return picture(panels.length === 0 ? null : { spacing: 24, vconcat: panels }, { question, missing });
  },
};

export default crossover;

interface Line {
  readonly row: CrossoverRow;
  /** The line has one point per document size, smallest first. */
  readonly points: readonly Measured[];
  /** The mean logarithm of the speed-up over the sizes. */
  readonly gain: number;
}

interface Measured {
  readonly strategy: string;
  readonly workers: number;
  /** The documents have this mean size, bytes. */
  readonly size: number;
  /** Speed-up with its interval. */
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * Finds the workload's strategies with at least two sizes, each at the number of workers with the highest
 * mean gain.
 */
function bestLines({ crossovers, summaries }: ChartData, workload: string): Line[] {
  const lines = crossovers
    .filter((row) => row.workload === workload && row.kind !== 'unknown')
    .map((row): Line => {
      const points = pointsOf(row, summaries);
      const gain = points.reduce((sum, { value }) => sum + Math.log(value), 0) / points.length;
      return { row, points, gain };
    })
    .filter(({ points }) => points.length > 1);
  return unique(lines.map(({ row }) => row.strategy)).flatMap((strategy) => {
    const own = lines.filter(({ row }) => row.strategy === strategy);
    return own.toSorted((a, b) => b.gain - a.gain).slice(0, 1);
  });
}

function pointsOf(row: CrossoverRow, summaries: readonly SummaryRow[]): Measured[] {
  const { bytes_smallest: smallest, bytes_largest: largest } = row;
  return summaries
    .filter(
      (cell) =>
        cell.workload === row.workload &&
        cell.strategy === row.strategy &&
        cell.delivery === row.delivery &&
        cell.workers === row.workers &&
        cell.document_bytes >= (smallest ?? 0) &&
        cell.document_bytes <= (largest ?? Number.POSITIVE_INFINITY),
    )
    .toSorted((a, b) => a.document_bytes - b.document_bytes)
    .flatMap(({ strategy, workers, document_bytes: size, speedup, speedup_low: low, speedup_high: high }) =>
      speedup === null ? [] : [{ strategy, workers, size, value: speedup, low, high }],
    );
}

function panel(lines: readonly Line[], { workload, data }: { workload: string; data: ChartData }): Spec {
  const looks = looksIn(
    data,
    lines.map(({ row }) => row.strategy),
  );
  const measured = lines.flatMap(({ points }) => points);
  const sizes = unique(measured.map((point) => point.size)).sort((a, b) => a - b);
  const points = measured.map((point) => ({
    ...point,
    bytes: aside(point, { strategies: [...looks.keys()], sizes }),
  }));
  const domain = {
    x: logDomain(sizes, 0.06),
    y: logDomain([1, ...points.flatMap(({ value, low, high }) => [value, low, high])], 0.06),
  };
  const height = Math.max(220, lineHeight * (looks.size + 1));
  const x = {
    field: 'bytes',
    type: 'quantitative',
    title: 'document size',
    scale: { type: 'log', base: 2, domain: domain.x, nice: false },
    axis: { ...labelled(sizes, size), grid: false },
  };
  const y = {
    field: 'value',
    type: 'quantitative',
    title: null,
    scale: { type: 'log', base: 2, domain: domain.y, nice: false },
    axis: { tickCount: 5, format: '~r' },
  };
  const channels = { x, y, ...lookChannelsWithoutLegend(looks) };
  const labels = points.map(({ strategy, bytes, value }) => ({ strategy, x: bytes, bytes, value }));
  return {
    title: {
      text: workload,
      subtitle: 'speed-up over sequential at the best number of workers, 95 % intervals',
      offset: 8,
    },
    width,
    height,
    layer: [
      {
        data: { values: [{ low: domain.y[0] }] },
        mark: { type: 'rect', color: bandColour },
        encoding: { x: { value: 1 }, x2: { value: width }, y: { ...y, field: 'low' }, y2: { datum: 1 } },
      },
      {
        data: { values: [{ value: 1 }] },
        mark: { type: 'rule', color: referenceColour, strokeDash: [6, 4], strokeWidth: 1.5 },
        encoding: { y },
      },
      { data: { values: points }, ...marks(channels) },
      ...crossings(lines.flatMap(crossing), channels),
      endLabels(labels, { channels, size: { width, height }, domain: domain.y }),
    ],
  };
}

interface Channels {
  readonly x: Spec;
  readonly y: Spec;
  readonly color: Spec;
  readonly shape: Spec;
}

function marks({ x, y, color, shape }: Channels): Spec {
  const tooltip = [
    { field: 'strategy', type: 'nominal' },
    { field: 'workers', type: 'quantitative' },
    { field: 'value', type: 'quantitative', title: 'speed-up', format: ',.3~r' },
  ];
  return {
    layer: [
      { mark: { type: 'line', strokeWidth: 1.5 }, encoding: { x, y, color } },
      {
        transform: [{ filter: { and: ['low', 'high'].map((field) => ({ field, valid: true })) } }],
        mark: { type: 'rule', strokeWidth: 1.5 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
      },
      {
        mark: { type: 'point', filled: true, opacity: 1, size: 50 },
        encoding: { x, y, color, shape, tooltip },
      },
    ],
  };
}

/**
 * Shifts a size slightly for each strategy, 1 % of the axis apart, so that equal values do not hide each
 * other.
 */
function aside(
  point: Measured,
  { strategies, sizes }: { strategies: readonly string[]; sizes: readonly number[] },
): number {
  const octaves = Math.log2(Math.max(...sizes) / Math.min(...sizes));
  const place = strategies.indexOf(point.strategy) - (strategies.length - 1) / 2;
  return Number((point.size * 2 ** (0.01 * octaves * place)).toPrecision(5));
}

interface Crossing {
  readonly strategy: string;
  readonly bytes: number;
  readonly low: number;
  readonly high: number;
  readonly value: number;
}

/**
 * The size at which a line crosses 1, with its interval. An open end reaches the end of the measured sizes.
 */
function crossing({ row }: Line): Crossing[] {
  const { strategy, kind, bytes, bytes_low: from, bytes_high: to } = row;
  if (kind !== 'within' || bytes === null) return [];
  const known = from !== null || to !== null;
  const low = from ?? (known ? (row.bytes_smallest ?? bytes) : bytes);
  const high = to ?? (known ? (row.bytes_largest ?? bytes) : bytes);
  return [{ strategy, bytes, low, high, value: 1 }];
}

function crossings(values: readonly Crossing[], { x, y, color, shape }: Channels): Spec[] {
  if (values.length === 0) return [];
  return [
    {
      data: { values },
      layer: [
        {
          mark: { type: 'rule', strokeWidth: 3 },
          encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y, color },
        },
        {
          mark: { type: 'point', filled: false, fill: '#ffffff', opacity: 1, size: 70, strokeWidth: 2 },
          encoding: { x, y, color, shape },
        },
      ],
    },
  ];
}

/**
 * "a gain over sequential is shown for queue from 10 KB on, partitioned at every measured size; none at the
 * largest size for async". It says only what the intervals show. A strategy about which they show nothing is
 * not named.
 */
function inWords(rows: readonly CrossoverRow[]): string | null {
  const gains = new Map<string, string[]>();
  for (const { strategy, shown_from_bytes: from, bytes_smallest: smallest } of rows) {
    if (from === null) continue;
    const where = from === smallest ? 'at every measured size' : `from ${size(from)} on`;
    gains.set(where, [...(gains.get(where) ?? []), strategy]);
  }
  const without = rows
    .filter(({ shown_until_bytes: until, bytes_largest: largest }) => until !== null && until === largest)
    .map(({ strategy }) => strategy);
  const shown = [...gains].map(([where, names]) => `${listed(names)} ${where}`).join(', ');
  const parts = [
    ...(gains.size > 0 ? [`a gain over sequential is shown for ${shown}`] : []),
    ...(without.length > 0 ? [`none at the largest size for ${listed(without)}`] : []),
  ];
  return parts.length === 0 ? null : parts.join('; ');
}
