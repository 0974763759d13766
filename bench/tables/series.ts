/** Rows of one strategy and delivery belong together: a line in a chart, a row in a table. */
interface Cell {
  readonly strategy: string;
  readonly delivery: string;
}

/** What to call them: the strategy, with its delivery where `rows` hold the strategy with several. */
export function seriesName({ strategy, delivery }: Cell, rows: readonly Cell[]): string {
  const several = rows.some((row) => row.strategy === strategy && row.delivery !== delivery);
  return several ? `${strategy} (${delivery})` : strategy;
}

/** Rows whose strategy is called by its series: for charts, which tell lines apart by that name. */
export function bySeries<Row extends Cell>(rows: readonly Row[]): Row[] {
  return rows.map((row) => ({ ...row, strategy: seriesName(row, rows) }));
}
