/**
 * Rows of one strategy, delivery and round-trip time belong together. They are a line in a chart, or a row in
 * a table.
 */
interface Series {
  readonly strategy: string;
  readonly delivery: string;
  readonly rtt_ms?: number | null;
}

/**
 * Returns the name of a series: its strategy, with its delivery and its round-trip time if `rows` have the
 * strategy with several.
 */
export function seriesName({ strategy, delivery, rtt_ms = null }: Series, rows: readonly Series[]): string {
  const own = rows.filter((row) => row.strategy === strategy);
  const parts = [
    ...(own.some((row) => row.delivery !== delivery) ? [delivery] : []),
    ...(rtt_ms !== null && own.some((row) => (row.rtt_ms ?? null) !== rtt_ms) ? [`${rtt_ms} ms`] : []),
  ];
  return parts.length === 0 ? strategy : `${strategy} (${parts.join(', ')})`;
}

/** Replaces each row's strategy by the name of its series. Charts distinguish lines by that name. */
export function bySeries<Row extends Series>(rows: readonly Row[]): Row[] {
  return rows.map((row) => ({ ...row, strategy: seriesName(row, rows) }));
}
