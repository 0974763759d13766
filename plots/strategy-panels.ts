import type { SummaryRow } from '../bench/tables/summary-columns.js';
import { configurationName } from './captions.js';
import type { ChartData, Spec } from './chart.js';
import { type Look, looksIn } from './looks.js';
import { corporaBySize, type PictureOptions, panelTitle, picture, unique } from './picture.js';
import { textWidth } from './text-width.js';

/** A line of a panel shows a strategy at the number of workers with its highest rate. */
export interface Row {
  readonly cell: SummaryRow;
  /** Name of the configuration on the y axis: "partitioned × 2". */
  readonly label: string;
}

export interface Panel {
  readonly rows: readonly Row[];
  readonly width: number;
  /** Encodes the ordinal axis with the labels. */
  readonly y: Spec;
  readonly looks: ReadonlyMap<string, Look>;
}

export interface StrategyPanels extends PictureOptions {
  /** Says under a workload's name what the x axis shows. */
  readonly subtitle: (kind: string) => string;
  /** Selects the cells that have something to show. */
  readonly shows: (cell: SummaryRow) => boolean;
  /** The marks of one panel, from back to front. Each brings its data. */
  readonly layers: (panel: Panel) => Spec[];
}

/** A panel is this high per strategy, px. */
const rowHeight = 20;

/**
 * Draws small multiples with a line per strategy: a row per workload, a column per corpus, smallest first.
 */
export function strategyPanels(
  data: ChartData,
  { question, missing, subtitle, shows, layers }: StrategyPanels,
): Spec {
  const shown = data.summaries.filter((cell) => cell.documents_per_second !== null && shows(cell));
  if (shown.length === 0) return picture(null, { question, missing });
  const looks = looksIn(
    data,
    shown.map(({ strategy }) => strategy),
  );
  const body = {
    spacing: 24,
    vconcat: unique(shown.map(({ workload }) => workload)).map((workload) => {
      const cells = shown.filter((cell) => cell.workload === workload);
      const corpora = corporaBySize(cells);
      const width = corpora.length === 1 ? 420 : corpora.length === 2 ? 300 : 220;
      const under = subtitle(cells[0]?.kind ?? '');
      return {
        title: { text: workload, subtitle: under, limit: corpora.length * width, offset: 10 },
        spacing: 16,
        hconcat: corpora.map((corpus) => {
          const here = cells.filter((cell) => cell.corpus === corpus);
          const rows = bestOfEach(here, data);
          const height = rows.length * rowHeight;
          const y = labelAxis(rows.map(({ label }) => label));
          const title = panelTitle(`documents: ${corpus}`, width);
          return { title, width, height, layer: layers({ rows, width, y, looks }) };
        }),
      };
    }),
  };
  return picture(body, { question, missing });
}

/**
 * Lists the strategies of one workload and corpus in their order, each at the number of workers with its
 * highest rate.
 */
export function bestOfEach(cells: readonly SummaryRow[], data: Pick<ChartData, 'baseline'>): Row[] {
  return unique(cells.map(({ strategy }) => strategy)).map((strategy) => {
    const own = cells.filter((cell) => cell.strategy === strategy);
    const cell = own.reduce((best, one) =>
      (one.documents_per_second ?? 0) > (best.documents_per_second ?? 0) ? one : best,
    );
    return { cell, label: configurationName(cell, data) };
  });
}

function labelAxis(labels: readonly string[]): Spec {
  const longest = Math.max(...labels.map((label) => textWidth(label, { fontSize: 11, bold: false })));
  const axis = { ticks: false, domain: false, grid: false, labelLimit: Math.ceil(longest) + 4 };
  return { field: 'label', type: 'ordinal', sort: null, scale: { domain: labels }, title: null, axis };
}
