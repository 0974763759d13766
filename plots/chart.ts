import type { ArrivalSummaryRow } from '../bench/tables/arrival-summary.js';
import type { ComparisonRow } from '../bench/tables/comparison-columns.js';
import type { ProjectionRow, ScalingRow } from '../bench/tables/scaling-columns.js';
import type { CrossoverRow, WinnerRow } from '../bench/tables/situation-columns.js';
import type { SloRow } from '../bench/tables/slo-columns.js';
import type { StageRow } from '../bench/tables/stage-columns.js';
import type { SummaryRow } from '../bench/tables/summary-columns.js';
import type { TrialRow } from '../bench/tables/trial-columns.js';

/** A chart is drawn from the rows of a run's files. It never learns how they were measured. */
export interface ChartData {
  readonly summaries: readonly SummaryRow[];
  readonly comparisons: readonly ComparisonRow[];
  readonly scaling: readonly ScalingRow[];
  readonly projections: readonly ProjectionRow[];
  readonly winners: readonly WinnerRow[];
  readonly crossovers: readonly CrossoverRow[];
  /** Open loops: latencies under rates of arrivals. Empty where none were measured. */
  readonly arrivals: readonly ArrivalSummaryRow[];
  /** Open loops: the highest rates under a limit. Empty where none were searched. */
  readonly limits: readonly SloRow[];
  /** What each stage did in each trial. Empty where no stages had workers of their own. */
  readonly stages: readonly StageRow[];
  /** Only charts about the run itself use single trials. */
  readonly trials: readonly TrialRow[];
  /**
   * The strategy that speed-ups are measured against, which has no number of workers. Null where there is
   * none.
   */
  readonly baseline: string | null;
  /** Cores that the run could really use. A CPU quota can make this a fraction. */
  readonly effectiveCores: number;
  /** Memory that the run could use, bytes. */
  readonly memoryBytes: number;
}

/** A Vega-Lite specification that contains its data. */
export type Spec = Record<string, unknown>;

/** The rows that a chart was drawn from, which the report prints below the picture. */
export interface ChartTable {
  /** Names the field of the chart's data that has the rows. */
  readonly from: Exclude<keyof ChartData, 'baseline' | 'effectiveCores' | 'memoryBytes'>;
  /** Columns that hold what the picture shows. The report adds the columns that name a row. */
  readonly columns: readonly string[];
  /** Selects rows. Without it the table has all of them. */
  where?(row: Readonly<Record<string, unknown>>): boolean;
}

/** A chart answers one question with one picture. It is a pure function of the data. */
export interface Chart {
  /**
   * File name of the chart: `throughput` is written to `plots/throughput.vl.json` and `plots/throughput.svg`.
   */
  readonly name: string;
  readonly question: string;
  readonly table: ChartTable;
  /** A report leaves the chart out where its table is empty, because not every run measures it. */
  readonly optional?: true;
  /** One line that says what the picture shows, made from the same rows. Null where they show nothing. */
  caption(data: ChartData): string | null;
  spec(data: ChartData): Spec;
}
