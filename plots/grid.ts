import type { SummaryRow } from '../bench/tables/columns.js';
import type { ChartData, Spec } from './chart.js';
import { type PictureOptions, picture, unique, withLegend } from './picture.js';
import { type Look, looksOf } from './style.js';

/** What the y axis of a workload's panels shows. */
export interface Measure {
  /** Its name and unit. */
  readonly title: string;
  readonly value: (row: SummaryRow) => number | null;
  readonly interval?: (row: SummaryRow) => { readonly low: number | null; readonly high: number | null };
  /** What a perfect strategy would reach with so many workers. */
  readonly ideal?: (workers: number) => number;
}

/** A mark's datum. */
export interface Point {
  readonly strategy: string;
  readonly workers: number;
  /** `workers`, moved a little aside for each strategy so that equal values do not hide each other. */
  readonly x: number;
  /** Null for a failed cell: the line has a gap there. */
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** One workload on one corpus: what a layer is drawn from. */
export interface Panel {
  readonly workload: string;
  readonly corpus: string;
  readonly points: readonly Point[];
  readonly measure: Measure;
  readonly effectiveCores: number;
  /** The worker counts of the workload, ascending. */
  readonly workers: readonly number[];
  /** Ends of the axes. */
  readonly domain: { readonly x: readonly [number, number]; readonly y: readonly [number, number] };
  /** Look of every strategy in the chart, in the order of the legend. */
  readonly looks: ReadonlyMap<string, Look>;
}

export interface Grid extends PictureOptions {
  readonly measure: (workload: { readonly kind: string; readonly effectiveCores: number }) => Measure;
  /** Whether a workload's panels have the same y axis: only where document size hardly moves the values. */
  readonly sameY: boolean;
  /** What is drawn in each panel, from back to front. */
  readonly layers: readonly ((panel: Panel) => Spec[])[];
}

/** Small multiples: a row a workload, a column a corpus, from the smallest documents to the largest. */
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
        title: {
          text: `documents: ${panel.corpus}`,
          fontSize: 11,
          fontWeight: 'normal',
          frame: 'group',
          limit: size.width,
          offset: 4,
        },
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

/** The looks of the strategies with a value: one that failed everywhere would be in the legend for nothing. */
function looksDrawn({ summaries, effectiveCores }: ChartData, measure: Grid['measure']): Map<string, Look> {
  const looks = looksOf(unique(summaries.map((row) => row.strategy)));
  const known = summaries.filter((row) => measure({ kind: row.kind, effectiveCores }).value(row) !== null);
  const drawn = new Set(known.map((row) => row.strategy));
  return new Map([...looks].filter(([strategy]) => drawn.has(strategy)));
}

interface PanelRow {
  readonly workload: string;
  readonly subtitle: string;
  readonly panels: readonly Panel[];
}

type Choices = Pick<Grid, 'measure' | 'sameY'> & Pick<Panel, 'looks'>;

/** Workloads without a single value are left out, and so are their corpora: an empty panel says nothing. */
function panelRows(
  { summaries, effectiveCores }: ChartData,
  { measure: measureOf, sameY, looks }: Choices,
): PanelRow[] {
  return unique(summaries.map((row) => row.workload)).flatMap((workload): PanelRow[] => {
    const cells = summaries.filter((row) => row.workload === workload && looks.has(row.strategy));
    const kind = cells[0]?.kind ?? '';
    const measure = measureOf({ kind, effectiveCores });
    const known = cells.filter((cell) => measure.value(cell) !== null);
    if (known.length === 0) return [];

    const workers = workerCounts(cells);
    const x = padded(workers);
    const dodge = dodger(cells, workers, x);
    const pointsOf = (rows: readonly SummaryRow[]) => rows.map((row) => point(row, measure, dodge(row)));
    const common = fromZero(pointsOf(cells), measure, workers);
    const bySize = known.toSorted((a, b) => a.document_bytes - b.document_bytes);
    const panels = unique(bySize.map((row) => row.corpus)).map((corpus): Panel => {
      const points = pointsOf(cells.filter((cell) => cell.corpus === corpus));
      const y = sameY ? common : fromZero(points, measure, workers);
      return { workload, corpus, points, measure, effectiveCores, workers, domain: { x, y }, looks };
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

/** `sequential` is a rule across the panel, so its 1 is a place on the x axis only if there is nothing else. */
function workerCounts(cells: readonly SummaryRow[]): number[] {
  const parallel = cells.filter((cell) => cell.strategy !== 'sequential');
  return unique((parallel.length > 0 ? parallel : cells).map((cell) => cell.workers)).toSorted(
    (a, b) => a - b,
  );
}

/** A tenth of the span on both sides, an octave where there is only one count. */
function padded(workers: readonly number[]): [number, number] {
  const low = workers[0] as number;
  const high = workers.at(-1) as number;
  const factor = low === high ? 2 : (high / low) ** 0.1;
  return [low / factor, high * factor];
}

/** Up to the highest thing drawn. Vega rounds it up to a tick. */
function fromZero(
  points: readonly Point[],
  { ideal }: Measure,
  workers: readonly number[],
): [number, number] {
  const values = points.flatMap((each) => [each.value ?? 0, each.high ?? 0]);
  const ideals = ideal === undefined ? [] : workers.map(ideal);
  return [0, Math.max(...values, ...ideals) || 1];
}

/** Sets strategies 1.5 % of the axis apart, closer if that would take more than half the way to the next worker count. */
function dodger(
  cells: readonly SummaryRow[],
  workers: readonly number[],
  [low, high]: readonly [number, number],
) {
  const strategies = unique(cells.map((cell) => cell.strategy)).filter((name) => name !== 'sequential');
  const octaves = Math.log2(high / low);
  const gaps = workers.slice(1).map((count, i) => Math.log2(count / (workers[i] as number)));
  const step = Math.min(octaves * 0.015, (Math.min(octaves, ...gaps) * 0.5) / strategies.length);
  return ({ strategy, workers: count }: SummaryRow): number => {
    const place = strategies.indexOf(strategy);
    if (place < 0) return count;
    return Number((count * 2 ** (step * (place - (strategies.length - 1) / 2))).toPrecision(5));
  };
}
