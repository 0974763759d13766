import type { SummaryRow } from '../bench/tables/summary-columns.js';
import type { ChartData, Spec } from './chart.js';
import { type Look, looksIn } from './looks.js';
import { corporaBySize, type PictureOptions, panelTitle, picture, unique, withLegend } from './picture.js';

/** A measure is the value that the y axis of a workload's panels shows. */
export interface Measure {
  /** Names the value and its unit. */
  readonly title: string;
  readonly value: (row: SummaryRow) => number | null;
  readonly interval?: (row: SummaryRow) => { readonly low: number | null; readonly high: number | null };
  /** The value that a perfect strategy would reach with this number of workers. */
  readonly ideal?: (workers: number) => number;
}

/** A mark is drawn from one of these. */
export interface Point {
  readonly strategy: string;
  readonly workers: number;
  /** `workers`, shifted slightly for each strategy so that equal values do not hide each other. */
  readonly x: number;
  /** Null for a failed cell, where the line has a gap. */
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** A panel shows one workload on one corpus. Layers are drawn from it. */
export interface Panel {
  readonly workload: string;
  readonly corpus: string;
  readonly points: readonly Point[];
  readonly measure: Measure;
  readonly effectiveCores: number;
  readonly baseline: string | null;
  /** The worker counts of the workload, ascending. */
  readonly workers: readonly number[];
  /** Each axis reaches from the first to the second value. */
  readonly domain: { readonly x: readonly [number, number]; readonly y: readonly [number, number] };
  /** Has the look of every strategy in the chart, in the order of the legend. */
  readonly looks: ReadonlyMap<string, Look>;
}

export interface Grid extends PictureOptions {
  readonly measure: (workload: { readonly kind: string; readonly effectiveCores: number }) => Measure;
  /**
   * True gives a workload's panels the same y axis, which helps where document size hardly changes the
   * values.
   */
  readonly sameY: boolean;
  /** The layers that are drawn in each panel, from back to front. */
  readonly layers: readonly ((panel: Panel) => Spec[])[];
}

/** Draws small multiples with a row per workload and a column per corpus, smallest documents first. */
export function grid(data: ChartData, { question, missing, measure, sameY, layers }: Grid): Spec {
  const looks = looksDrawn(data, measure);
  const rows = panelRows(data, { measure, sameY, looks });
  if (rows.length === 0) return picture(null, { question, missing });

  const columns = Math.max(...rows.map((row) => row.panels.length));
  const size = panelSize({ rows: rows.length, columns });
  const width = columns * size.width;
  const body = {
    config: withLegend(looks, width),
    spacing: 24,
    vconcat: rows.map(({ workload, subtitle, panels }) => ({
      title: { text: workload, subtitle, limit: width, offset: 10 },
      spacing: 16,
      hconcat: panels.map((panel) => ({
        title: panelTitle(`documents: ${panel.corpus}`, size.width),
        ...size,
        data: { values: panel.points },
        layer: layers.flatMap((layer) => layer(panel)),
      })),
    })),
  };
  return picture(body, { question, missing });
}

function panelSize({ rows, columns }: { rows: number; columns: number }): { width: number; height: number } {
  if (columns === 1) return { width: 480, height: rows === 1 ? 260 : 180 };
  return { width: columns === 2 ? 320 : columns === 3 ? 220 : 180, height: 180 };
}

/**
 * The looks of the strategies with a value. A strategy that failed everywhere does not belong in the legend.
 */
function looksDrawn(data: ChartData, measure: Grid['measure']): Map<string, Look> {
  const { summaries, effectiveCores } = data;
  const known = summaries.filter((row) => measure({ kind: row.kind, effectiveCores }).value(row) !== null);
  return looksIn(
    data,
    known.map(({ strategy }) => strategy),
  );
}

interface PanelRow {
  readonly workload: string;
  readonly subtitle: string;
  readonly panels: readonly Panel[];
}

type Choices = Pick<Grid, 'measure' | 'sameY'> & Pick<Panel, 'looks'>;

/** Workloads and corpora without any value are left out, because an empty panel says nothing. */
function panelRows(
  { summaries, effectiveCores, baseline }: ChartData,
  { measure: measureOf, sameY, looks }: Choices,
): PanelRow[] {
  return unique(summaries.map((row) => row.workload)).flatMap((workload): PanelRow[] => {
    const cells = summaries.filter((row) => row.workload === workload && looks.has(row.strategy));
    const kind = cells[0]?.kind ?? '';
    const measure = measureOf({ kind, effectiveCores });
    const known = cells.filter((cell) => measure.value(cell) !== null);
    if (known.length === 0) return [];

    const workers = workerCounts(cells, baseline);
    const x = padded(workers);
    const dodge = dodger(cells, { workers, domain: x, baseline });
    const pointsOf = (rows: readonly SummaryRow[]) => rows.map((row) => point(row, measure, dodge(row)));
    const common = fromZero(pointsOf(cells), measure, workers);
    const panels = corporaBySize(known).map((corpus): Panel => {
      const points = pointsOf(cells.filter((cell) => cell.corpus === corpus));
      const y = sameY ? common : fromZero(points, measure, workers);
      const domain = { x, y };
      return { workload, corpus, points, measure, effectiveCores, baseline, workers, domain, looks };
    });
    const withIntervals = panels.some((panel) => panel.points.some((each) => each.low !== null));
    return [
      {
        workload,
        subtitle: `${kind} work: ${measure.title}${withIntervals ? ', 95 % intervals' : ''}`,
        panels,
      },
    ];
  });
}

function point(row: SummaryRow, measure: Measure, x: number): Point {
  const { low, high } = measure.interval?.(row) ?? { low: null, high: null };
  return { strategy: row.strategy, workers: row.workers, x, value: measure.value(row), low, high };
}

/** The baseline is a rule across the panel, so its 1 appears on the x axis only if there is nothing else. */
function workerCounts(cells: readonly SummaryRow[], baseline: string | null): number[] {
  const parallel = cells.filter((cell) => cell.strategy !== baseline);
  return unique((parallel.length > 0 ? parallel : cells).map((cell) => cell.workers)).toSorted(
    (a, b) => a - b,
  );
}

/** Adds a tenth of the span on both sides, or an octave where there is only one count. */
function padded(workers: readonly number[]): [number, number] {
  const low = workers[0] as number;
  const high = workers.at(-1) as number;
  const factor = low === high ? 2 : (high / low) ** 0.1;
  return [low / factor, high * factor];
}

/** The y axis reaches from zero to the highest mark. Vega rounds it up to a tick. */
function fromZero(
  points: readonly Point[],
  { ideal }: Measure,
  workers: readonly number[],
): [number, number] {
  const values = points.flatMap((each) => [each.value ?? 0, each.high ?? 0]);
  const ideals = ideal === undefined ? [] : workers.map(ideal);
  return [0, Math.max(...values, ...ideals) || 1];
}

interface Dodge {
  readonly workers: readonly number[];
  readonly domain: readonly [number, number];
  readonly baseline: string | null;
}

/**
 * Returns a function that shifts the places of strategies apart by 1.5 % of the axis, or by less if together
 * they would take more than half the distance to the next worker count.
 */
function dodger(
  cells: readonly SummaryRow[],
  { workers, domain: [low, high], baseline }: Dodge,
): (cell: SummaryRow) => number {
  const strategies = unique(cells.map((cell) => cell.strategy)).filter((name) => name !== baseline);
  const octaves = Math.log2(high / low);
  const gaps = workers.slice(1).map((count, i) => Math.log2(count / (workers[i] as number)));
  const step = Math.min(octaves * 0.015, (Math.min(octaves, ...gaps) * 0.5) / strategies.length);
  return ({ strategy, workers: count }) => {
    const place = strategies.indexOf(strategy);
    if (place < 0) return count;
    return Number((count * 2 ** (step * (place - (strategies.length - 1) / 2))).toPrecision(5));
  };
}
