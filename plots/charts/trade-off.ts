import type { SummaryRow } from '../../bench/tables/columns.js';
import { megabytes } from '../../bench/words/units.js';
import { byWorkload, cellName, highest, lowest } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { look } from '../layers.js';
import { picture, unique, withLegend } from '../picture.js';
import { type Look, looksOf, referenceColour } from '../style.js';

const question = 'What does speed cost in memory?';
const missing = 'no cell has both a rate and its memory';

/** Rate against peak memory, every cell a point; the line joins those that nothing beats in both. */
const tradeOff: Chart = {
  name: 'trade-off',
  question,
  table: { from: 'summaries', columns: ['documents_per_second', 'memory_peak_bytes', 'rss_peak_bytes'] },
  caption: ({ summaries }) =>
    byWorkload(summaries, (rows) => {
      const largest = corporaOf(rows.filter(isDrawn), rows[0]?.workload ?? '').at(-1);
      const cells = rows.filter(isDrawn).filter(({ corpus }) => corpus === largest);
      const fastest = highest(cells, ({ documents_per_second }) => documents_per_second);
      if (fastest === null) return null;
      const enough = cells.filter(
        (cell) => cell.documents_per_second >= 0.8 * (fastest.documents_per_second as number),
      );
      const smallest = lowest(enough, memoryOf) as SummaryRow;
      const words = (cell: SummaryRow) => `${megabytes(memoryOf(cell) as number)} (${cellName(cell)})`;
      return smallest === fastest
        ? `at ${largest} the fastest is also the smallest of those that are nearly as fast, ${words(fastest)}`
        : `at ${largest} the fastest takes ${words(fastest)}, 80 % of its rate is to be had for ${words(smallest)}`;
    }),
  spec(data) {
    const drawn = data.summaries.filter(isDrawn);
    if (drawn.length === 0) return picture(null, { question, missing });
    const looks = looksOf(unique(drawn.map(({ strategy }) => strategy)));
    const widest = Math.max(
      ...unique(drawn.map(({ workload }) => workload)).map((workload) => corporaOf(drawn, workload).length),
    );
    const width = widest === 1 ? 480 : widest === 2 ? 320 : 220;
    const rows = unique(drawn.map(({ workload }) => workload)).map((workload) =>
      row(data, workload, { looks, width }),
    );
    return picture(
      { config: withLegend(looks, widest * width), spacing: 24, vconcat: rows },
      { question, missing },
    );
  },
};

export default tradeOff;

type Drawn = SummaryRow & { readonly documents_per_second: number };

function isDrawn(cell: SummaryRow): cell is Drawn {
  return cell.documents_per_second !== null && memoryOf(cell) !== null;
}

/** Bytes, shared pages counted once where the system offers that. */
function memoryOf({ memory_peak_bytes, rss_peak_bytes }: SummaryRow): number | null {
  return memory_peak_bytes ?? rss_peak_bytes;
}

/** What no other cell beats in rate and memory, from the least memory to the most. */
function frontOf(cells: readonly Drawn[]): Drawn[] {
  const front: Drawn[] = [];
  for (const cell of cells.toSorted(
    (a, b) =>
      (memoryOf(a) as number) - (memoryOf(b) as number) || b.documents_per_second - a.documents_per_second,
  ))
    if (cell.documents_per_second > (front.at(-1)?.documents_per_second ?? 0)) front.push(cell);
  return front;
}

function corporaOf(cells: readonly SummaryRow[], workload: string): string[] {
  const own = cells
    .filter((cell) => cell.workload === workload)
    .toSorted((a, b) => a.document_bytes - b.document_bytes);
  return unique(own.map(({ corpus }) => corpus));
}

function row(
  { summaries }: ChartData,
  workload: string,
  { looks, width }: { looks: ReadonlyMap<string, Look>; width: number },
): Spec {
  const cells = summaries.filter(isDrawn).filter((cell) => cell.workload === workload);
  const corpora = corporaOf(cells, workload);
  return {
    title: {
      text: workload,
      subtitle: 'documents per second against peak memory; the line joins what nothing beats in both',
      limit: corpora.length * width,
      offset: 10,
    },
    spacing: 16,
    hconcat: corpora.map((corpus) =>
      panel(
        cells.filter((cell) => cell.corpus === corpus),
        { corpus, looks, width },
      ),
    ),
  };
}

function panel(
  cells: readonly Drawn[],
  { corpus, looks, width }: { corpus: string; looks: ReadonlyMap<string, Look>; width: number },
): Spec {
  const best = frontOf(cells);
  const values = cells.map((cell) => ({
    strategy: cell.strategy,
    workers: cell.workers,
    label: cell.strategy === 'sequential' || !best.includes(cell) ? '' : String(cell.workers),
    megabytes: (memoryOf(cell) as number) / 1e6,
    rate: cell.documents_per_second,
  }));
  const front = best.map((cell) => ({
    megabytes: (memoryOf(cell) as number) / 1e6,
    rate: cell.documents_per_second,
  }));
  const most = Math.max(...values.map(({ megabytes }) => megabytes));
  const x = {
    field: 'megabytes',
    type: 'quantitative',
    title: 'MB',
    scale: { domain: [0, most * 1.08], nice: false },
    axis: { tickCount: 4, grid: false },
  };
  const y = {
    field: 'rate',
    type: 'quantitative',
    title: null,
    scale: { zero: true },
    axis: { tickCount: 5 },
  };
  const tooltip = [
    { field: 'strategy', type: 'nominal' },
    { field: 'workers', type: 'quantitative' },
    { field: 'rate', type: 'quantitative', title: 'documents per second', format: ',.3~r' },
    { field: 'megabytes', type: 'quantitative', title: 'peak memory, MB', format: ',.3~r' },
  ];
  return {
    title: {
      text: `documents: ${corpus}`,
      fontSize: 11,
      fontWeight: 'normal',
      frame: 'group',
      limit: width,
      offset: 4,
    },
    width,
    height: 200,
    layer: [
      {
        data: { values: front },
        mark: {
          type: 'line',
          color: referenceColour,
          strokeDash: [3, 3],
          strokeWidth: 1,
          interpolate: 'step-after',
        },
        encoding: { x, y },
      },
      {
        data: { values },
        layer: [
          {
            mark: { type: 'point', filled: true, opacity: 1, size: 45 },
            encoding: { x, y, color: look({ looks }, 'colour'), shape: look({ looks }, 'shape'), tooltip },
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
