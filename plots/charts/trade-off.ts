import { memoryOf } from '../../bench/tables/memory.js';
import type { SummaryRow } from '../../bench/tables/summary-columns.js';
import { megabytes } from '../../bench/words/units.js';
import { byWorkload, configurationName } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { type Look, lookChannels, looksIn } from '../looks.js';
import { corporaBySize, panelTitle, picture, unique, withLegend } from '../picture.js';
import { referenceColour } from '../style.js';

const question = 'What does speed cost in memory?';
const missing = 'no cell has both a rate and its memory';

/** A configuration counts as fast with at least this share of the highest rate. */
const fastShare = 0.8;

/**
 * Draws every cell as a point, rate against peak memory. A line joins the cells that no other beats in both.
 */
const tradeOff: Chart = {
  name: 'trade-off',
  question,
  table: { from: 'summaries', columns: ['documents_per_second', 'memory_peak_bytes', 'rss_peak_bytes'] },
  caption: (data) =>
    byWorkload(data.summaries, (rows) => {
      const points = pointsOf(rows);
      const largest = corporaBySize(points.map(({ cell }) => cell)).at(-1);
      const here = points.filter(({ cell }) => cell.corpus === largest);
      const fastest = here.toSorted((a, b) => b.rate - a.rate)[0];
      if (fastest === undefined) return null;
      const fast = here.filter(({ rate }) => rate >= fastShare * fastest.rate);
      const smallest = fast.toSorted((a, b) => a.memory - b.memory)[0] ?? fastest;
      const words = ({ cell, memory }: Point) => `${megabytes(memory)} (${configurationName(cell, data)})`;
      if (smallest === fastest)
        return `at ${largest} the highest rate takes ${words(fastest)}; nothing with 80 % of it takes less`;
      return `at ${largest} the highest rate takes ${words(fastest)}, 80 % of it ${words(smallest)}`;
    }),
  spec(data) {
    const points = pointsOf(data.summaries);
    if (points.length === 0) return picture(null, { question, missing });
    const cells = points.map(({ cell }) => cell);
    const looks = looksIn(
      data,
      cells.map(({ strategy }) => strategy),
    );
    const workloads = unique(cells.map(({ workload }) => workload)).map((workload) =>
      points.filter(({ cell }) => cell.workload === workload),
    );
    const columns = Math.max(...workloads.map((own) => corporaBySize(own.map(({ cell }) => cell)).length));
    const width = columns === 1 ? 480 : columns === 2 ? 320 : 220;
    const rows = workloads.map((own) => row(own, { data, looks, width }));
    const config = withLegend(looks, columns * width);
    return picture({ config, spacing: 24, vconcat: rows }, { question, missing });
  },
};

export default tradeOff;

/** A cell whose rate and memory are known. */
interface Point {
  readonly cell: SummaryRow;
  /** Documents per second. */
  readonly rate: number;
  /** Memory is in bytes. */
  readonly memory: number;
}

function pointsOf(cells: readonly SummaryRow[]): Point[] {
  return cells.flatMap((cell) => {
    const rate = cell.documents_per_second;
    const memory = memoryOf(cell);
    return rate === null || memory === null ? [] : [{ cell, rate, memory }];
  });
}

/** The points that no other point beats in both rate and memory, by rising memory. */
function frontOf(points: readonly Point[]): Point[] {
  const front: Point[] = [];
  for (const point of points.toSorted((a, b) => a.memory - b.memory || b.rate - a.rate))
    if (point.rate > (front.at(-1)?.rate ?? 0)) front.push(point);
  return front;
}

interface Place {
  readonly data: ChartData;
  readonly looks: ReadonlyMap<string, Look>;
  readonly width: number;
}

/** Draws one workload with a panel per corpus. */
function row(points: readonly Point[], place: Place): Spec {
  const corpora = corporaBySize(points.map(({ cell }) => cell));
  return {
    title: {
      text: points[0]?.cell.workload,
      subtitle: 'documents per second against peak memory; the line joins what nothing beats in both',
      limit: corpora.length * place.width,
      offset: 10,
    },
    spacing: 16,
    hconcat: corpora.map((corpus) => {
      const here = points.filter(({ cell }) => cell.corpus === corpus);
      return { title: panelTitle(`documents: ${corpus}`, place.width), ...panel(here, place) };
    }),
  };
}

function panel(points: readonly Point[], { data, looks, width }: Place): Spec {
  const front = frontOf(points);
  const values = points.map(({ cell, rate, memory }) => ({
    strategy: cell.strategy,
    workers: cell.workers,
    label:
      cell.strategy !== data.baseline && front.some((point) => point.cell === cell)
        ? String(cell.workers)
        : '',
    megabytes: memory / 1e6,
    rate,
  }));
  const line = front.map(({ rate, memory }) => ({ megabytes: memory / 1e6, rate }));
  const most = Math.max(...values.map(({ megabytes }) => megabytes));
  const x = {
    field: 'megabytes',
    type: 'quantitative',
    title: 'MB',
    scale: { domain: [0, most * 1.08], nice: false },
    axis: { tickCount: 4, grid: false },
  };
  const scale = { zero: true };
  const y = { field: 'rate', type: 'quantitative', title: null, scale, axis: { tickCount: 5 } };
  const tooltip = [
    { field: 'strategy', type: 'nominal' },
    { field: 'workers', type: 'quantitative' },
    { field: 'rate', type: 'quantitative', title: 'documents per second', format: ',.3~r' },
    { field: 'megabytes', type: 'quantitative', title: 'peak memory, MB', format: ',.3~r' },
  ];
  const dashed = { color: referenceColour, strokeDash: [3, 3], strokeWidth: 1 };
  return {
    width,
    height: 200,
    layer: [
      {
        data: { values: line },
        mark: { type: 'line', ...dashed, interpolate: 'step-after' },
        encoding: { x, y },
      },
      {
        data: { values },
        layer: [
          {
            mark: { type: 'point', filled: true, opacity: 1, size: 45 },
            encoding: { x, y, ...lookChannels(looks), tooltip },
          },
          {
            mark: { type: 'text', align: 'left', dx: 6, dy: -5, fontSize: 9 },
            encoding: { x, y, text: { field: 'label', type: 'nominal' } },
          },
        ],
      },
    ],
  };
}
