import type { SummaryRow } from '../bench/results/columns.js';

/** What a chart is drawn from: summaries, never how they were measured. */
export interface ChartData {
  readonly summaries: readonly SummaryRow[];
  /** Cores the run could really use; may be fractional under a CPU quota. */
  readonly effectiveCores: number;
}

/** A Vega-Lite specification with its data inline. */
export type Spec = Record<string, unknown>;

/** One question, one picture. A pure function of the data. */
export interface Chart {
  /** File name of the chart: `throughput` is written to `plots/throughput.vl.json` and `.svg`. */
  readonly name: string;
  readonly question: string;
  spec(data: ChartData): Spec;
}
