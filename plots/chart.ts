import type { SummaryRow, TrialRow } from '../bench/tables/columns.js';
import type { ComparisonRow } from '../bench/tables/comparison-columns.js';
import type { ProjectionRow, ScalingRow } from '../bench/tables/scaling-columns.js';
import type { CrossoverRow, WinnerRow } from '../bench/tables/situation-columns.js';

/** What a chart is drawn from: the rows of a run's files, never how they were measured. */
export interface ChartData {
  readonly summaries: readonly SummaryRow[];
  readonly comparisons: readonly ComparisonRow[];
  readonly scaling: readonly ScalingRow[];
  readonly projections: readonly ProjectionRow[];
  readonly winners: readonly WinnerRow[];
  readonly crossovers: readonly CrossoverRow[];
  /** For charts of the run itself. */
  readonly trials: readonly TrialRow[];
  /** Cores the run could really use; may be fractional under a CPU quota. */
  readonly effectiveCores: number;
  /** Memory that the run could use, bytes. */
  readonly memoryBytes: number;
}

/** A Vega-Lite specification with its data inline. */
export type Spec = Record<string, unknown>;

/** The rows a chart is drawn from, for who would rather read them. */
export interface ChartTable {
  /** The file that has them, as a field of the data. */
  readonly from: Exclude<keyof ChartData, 'effectiveCores' | 'memoryBytes'>;
  /** Columns of the file that say what the picture shows, beside those that name the row. */
  readonly columns: readonly string[];
  /** Which rows; all where it is left out. */
  where?(row: Readonly<Record<string, unknown>>): boolean;
}

/** One question, one picture. A pure function of the data. */
export interface Chart {
  /** File name of the chart: `throughput` is written to `plots/throughput.vl.json` and `.svg`. */
  readonly name: string;
  readonly question: string;
  readonly table: ChartTable;
  /** One line that says what the picture shows, made from the same rows; null where nothing can be said. */
  caption(data: ChartData): string | null;
  spec(data: ChartData): Spec;
}
