import type { SummaryRow } from '../../bench/tables/columns.js';
import type { CrossoverRow } from '../../bench/tables/situation-columns.js';
import { listed, size } from '../../bench/words/units.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { endLabels, lineHeight } from '../end-labels.js';
import { look } from '../layers.js';
import { labelled, logDomain } from '../log-axis.js';
import { picture, unique } from '../picture.js';
import { bandColour, looksOf, referenceColour } from '../style.js';

const question = 'From which document size on is it worth it?';
const missing = 'it takes sequential and another strategy on documents of two sizes at least';

/** A panel's width, px. */
const width = 420;

/** The ratio to `sequential` against document size, a line a strategy at the number of workers that is best over all sizes. */
const crossover: Chart = {
  name: 'crossover',
  question,
  table: {
    from: 'crossovers',
    columns: ['kind', 'bytes', 'bytes_low', 'bytes_high', 'bytes_smallest', 'bytes_largest', 'reason'],
  },
  caption: (data) => {
    const workloads = unique(data.crossovers.map(({ workload }) => workload));
    const said = workloads.flatMap((workload) => {
      const rows = bestRows(data, workload).map(({ row }) => row);
      const words = inWords(rows);
      return words === null ? [] : [workloads.length > 1 ? `${workload}: ${words}` : words];
    });
    return said.length === 0 ? null : said.join('; ');
  },
  spec(data) {
    const panels = unique(data.crossovers.map(({ workload }) => workload)).flatMap((workload): Spec[] => {
      const rows = bestRows(data, workload);
      return rows.length === 0 ? [] : [panel(workload, rows)];
    });
    return picture(panels.length === 0 ? null : { spacing: 24, vconcat: panels }, { question, missing });
  },
};

export default crossover;

interface Best {
  readonly row: CrossoverRow;
  /** Its cells, one a size. */
  readonly cells: readonly SummaryRow[];
}

/** Each strategy of the workload at the number of workers with the highest mean log speed-up; those with two sizes at least. */
function bestRows({ crossovers, summaries }: ChartData, workload: string): Best[] {
  const all = crossovers
    .filter((row) => row.workload === workload && row.kind !== 'unknown')
    .map((row): Best => {
      const cells = summaries.filter(
        (cell) =>
          cell.workload === workload &&
          cell.strategy === row.strategy &&
          cell.delivery === row.delivery &&
          cell.workers === row.workers &&
          cell.speedup !== null &&
          cell.document_bytes >= (row.bytes_smallest as number) &&
          cell.document_bytes <= (row.bytes_largest as number),
      );
      return { row, cells: cells.toSorted((a, b) => a.document_bytes - b.document_bytes) };
    });
  const gain = ({ cells }: Best) =>
    cells.reduce((sum, { speedup }) => sum + Math.log(speedup as number), 0) / cells.length;
  return unique(all.map(({ row }) => row.strategy)).flatMap((strategy) => {
    const own = all.filter(({ row, cells }) => row.strategy === strategy && cells.length > 1);
    return own.length === 0 ? [] : [own.reduce((best, one) => (gain(one) > gain(best) ? one : best))];
  });
}

function panel(workload: string, rows: readonly Best[]): Spec {
  const looks = looksOf(rows.map(({ row }) => row.strategy));
  const measured = rows.flatMap(({ cells }) =>
    cells.map(
      ({ strategy, workers, document_bytes, speedup: value, speedup_low: low, speedup_high: high }) => ({
        strategy,
        workers,
        size: document_bytes,
        bytes: document_bytes,
        value,
        low,
        high,
      }),
    ),
  );
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
  const color = { ...look({ looks }, 'colour'), legend: null };
  const shape = { ...look({ looks }, 'shape'), legend: null };
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
      { data: { values: points }, ...lines({ x, y, color, shape }) },
      ...marks(rows.flatMap(crossing), { x, y, color, shape }),
      endLabels(labels, { channels: { x, y, color, shape }, size: { width, height }, domain: domain.y }),
    ],
  };
}

interface Channels {
  readonly x: Spec;
  readonly y: Spec;
  readonly color: Spec;
  readonly shape: Spec;
}

function lines({ x, y, color, shape }: Channels): Spec {
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

/** The size, moved a little aside for each strategy so that equal values do not hide each other: 1 % of the axis from one to the next. */
function aside(
  point: { strategy: string; size: number },
  { strategies, sizes }: { strategies: string[]; sizes: number[] },
): number {
  const octaves = Math.log2((sizes.at(-1) as number) / (sizes[0] as number));
  const place = strategies.indexOf(point.strategy) - (strategies.length - 1) / 2;
  return Number((point.size * 2 ** (0.01 * octaves * place)).toPrecision(5));
}

/** Where a line crosses 1, hollow, with the interval of the size. */
function crossing({
  row,
}: Best): { strategy: string; bytes: number; low: number; high: number; value: number }[] {
  if (row.kind !== 'within' || row.bytes === null) return [];
  const low = row.bytes_low ?? (row.bytes_high === null ? row.bytes : (row.bytes_smallest as number));
  const high = row.bytes_high ?? (row.bytes_low === null ? row.bytes : (row.bytes_largest as number));
  return [{ strategy: row.strategy, bytes: row.bytes, low, high, value: 1 }];
}

function marks(values: readonly Spec[], { x, y, color, shape }: Channels): Spec[] {
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

/** "thread-pool from 18 KB on (12–25 KB), partitioned at every size from 10 KB on, async never". */
function inWords(rows: readonly CrossoverRow[]): string | null {
  const within = rows
    .filter(({ kind }) => kind === 'within')
    .map(
      ({ strategy, bytes, bytes_low: low, bytes_high: high }) =>
        `${strategy} from ${size(bytes as number)} on${low === null || high === null ? '' : ` (${size(low)}–${size(high)})`}`,
    );
  const named = (kind: string) => rows.filter((row) => row.kind === kind).map(({ strategy }) => strategy);
  const [everywhere, nowhere] = [named('everywhere'), named('nowhere')];
  const parts = [
    ...within,
    ...(everywhere.length > 0 ? [`${listed(everywhere)} at every measured size`] : []),
    ...(nowhere.length > 0 ? [`${listed(nowhere)} at none`] : []),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}
