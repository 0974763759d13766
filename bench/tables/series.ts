/** Rows of one strategy and delivery belong together. They are a line in a chart, or a row in a table. */
interface Series {
  readonly strategy: string;
  readonly delivery: string;
}

/** Returns the name of a series: its strategy, and its delivery if `rows` have the strategy with several. */
export function seriesName({ strategy, delivery }: Series, rows: readonly Series[]): string {
  const several = rows.some((row) => row.strategy === strategy && row.delivery !== delivery);
  return several ? `${strategy} (${delivery})` : strategy;
}

/** Replaces each row's strategy by the name of its series. Charts distinguish lines by that name. */
export function bySeries<Row extends Series>(rows: readonly Row[]): Row[] {
  return rows.map((row) => ({ ...row, strategy: seriesName(row, rows) }));
}
