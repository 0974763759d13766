import type { Chart, ChartData, Spec } from '../../plots/chart.js';

/** A chart of a run, drawn. */
export interface Figure {
  readonly chart: Chart;
  readonly caption: string | null;
  readonly spec: Spec;
  readonly svg: string;
}

/** Rows that a picture was drawn from, with the columns that name them and those it shows. */
export interface FigureTable {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** How many more the file has. */
  readonly more: number;
}

/** These columns name a row. They are shown where rows differ in them. */
const names = ['workload', 'corpus', 'source', 'strategy', 'workers', 'delivery', 'rtt_ms', 'per_worker'];
/** Longer tables are for programs, which read the CSV. */
const maxRows = 200;

/** Selects the rows that a chart was drawn from, as the run's files have them. */
export function figureTable({ table }: Chart, data: ChartData): FigureTable {
  const all: readonly Readonly<Record<string, unknown>>[] = data[table.from];
  const rows = all.filter((row) => table.where?.(row) ?? true);
  const distinct = (column: string) => new Set(rows.map((row) => row[column])).size;
  const told = (column: string) => rows.some((row) => row[column] !== null && row[column] !== undefined);
  const named = names.filter((column) => distinct(column) > 1 || (rows.length === 1 && told(column)));
  return {
    columns: [...named, ...table.columns.filter((column) => told(column) && !named.includes(column))],
    rows: rows.slice(0, maxRows),
    more: Math.max(0, rows.length - maxRows),
  };
}
