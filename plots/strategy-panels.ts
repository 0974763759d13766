import type { SummaryRow } from '../bench/tables/columns.js';
import { cellName } from './captions.js';
import type { ChartData, Spec } from './chart.js';
import { type PictureOptions, picture, unique } from './picture.js';
import { type Look, looksOf } from './style.js';
import { textWidth } from './text-width.js';

/** A strategy in a panel, at the number of workers with its highest rate. */
export interface Row {
  readonly cell: SummaryRow;
  /** "partitioned × 2": its place on the y axis. */
  readonly label: string;
}

export interface Panel {
  readonly rows: readonly Row[];
  readonly width: number;
  /** Ordinal axis of the labels. */
  readonly y: Spec;
  readonly looks: ReadonlyMap<string, Look>;
}

export interface StrategyPanels extends PictureOptions {
  /** Under a workload's name: what the x axis shows. */
  readonly subtitle: (kind: string) => string;
  /** Which cells have something to show. */
  readonly shows: (cell: SummaryRow) => boolean;
  /** Marks of one panel, from back to front; each brings its data. */
  readonly layers: (panel: Panel) => Spec[];
}

/** A line of the panel, px. */
const rowHeight = 20;

/** Small multiples with a line a strategy: a row a workload, a column a corpus, from the smallest documents to the largest. */
export function strategyPanels(
  { summaries }: ChartData,
  { question, missing, subtitle, shows, layers }: StrategyPanels,
): Spec {
  const shown = summaries.filter((cell) => cell.documents_per_second !== null && shows(cell));
  if (shown.length === 0) return picture(null, { question, missing });
  const looks = looksOf(unique(shown.map(({ strategy }) => strategy)));
  const body = {
    spacing: 24,
    vconcat: unique(shown.map(({ workload }) => workload)).map((workload) => {
      const cells = shown.filter((cell) => cell.workload === workload);
      const corpora = unique(
        cells.toSorted((a, b) => a.document_bytes - b.document_bytes).map(({ corpus }) => corpus),
      );
      const width = corpora.length === 1 ? 420 : corpora.length === 2 ? 300 : 220;
      return {
        title: {
          text: workload,
          subtitle: subtitle(cells[0]?.kind ?? ''),
          limit: corpora.length * width,
          offset: 10,
        },
        spacing: 16,
        hconcat: corpora.map((corpus) => {
          const rows = bestOfEach(cells.filter((cell) => cell.corpus === corpus));
          const labels = rows.map(({ label }) => label);
          const axis = { ticks: false, domain: false, grid: false, labelLimit: longest(labels) };
          const y = {
            field: 'label',
            type: 'ordinal',
            sort: null,
            scale: { domain: labels },
            title: null,
            axis,
          };
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
            height: rows.length * rowHeight,
            layer: layers({ rows, width, y, looks }),
          };
        }),
      };
    }),
  };
  return picture(body, { question, missing });
}

/** The strategies of one workload and corpus in their order, each at the number of workers with its highest rate. */
export function bestOfEach(cells: readonly SummaryRow[]): Row[] {
  return unique(cells.map(({ strategy }) => strategy)).map((strategy) => {
    const own = cells.filter((cell) => cell.strategy === strategy);
    const cell = own.reduce((best, one) =>
      (one.documents_per_second ?? 0) > (best.documents_per_second ?? 0) ? one : best,
    );
    return { cell, label: cellName(cell) };
  });
}

function longest(labels: readonly string[]): number {
  return Math.ceil(Math.max(...labels.map((label) => textWidth(label, { fontSize: 11, bold: false })))) + 4;
}
