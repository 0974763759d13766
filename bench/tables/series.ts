/**
 * Rows of one strategy, delivery, round-trip time and `per_worker` belong together. They are a line in a
 * chart, or a row in a table.
 */
interface Series {
  readonly strategy: string;
  readonly delivery: string;
  readonly rtt_ms?: number | null;
  readonly per_worker?: number | null;
}

/**
 * Returns the name of a series: its strategy, with its delivery and its round-trip time if `rows` have the
 * strategy with several, and with its documents per worker where they are several.
 */
export function seriesName(
  { strategy, delivery, rtt_ms = null, per_worker = null }: Series,
  rows: readonly Series[],
): string {
  const own = rows.filter((row) => row.strategy === strategy);
  const parts = [
    ...(own.some((row) => row.delivery !== delivery) ? [delivery] : []),
    ...(rtt_ms !== null && own.some((row) => (row.rtt_ms ?? null) !== rtt_ms) ? [`${rtt_ms} ms`] : []),
    ...(per_worker === null ? [] : [`${per_worker} per worker`]),
  ];
  return parts.length === 0 ? strategy : `${strategy} (${parts.join(', ')})`;
}

/** Names a row that has no others beside it: "queue × 2", "queue (4 per worker) × 2". */
export function rowName(row: Series & { readonly workers: number }): string {
  return `${seriesName(row, [])} × ${row.workers}`;
}

/** Replaces each row's strategy by the name of its series. Charts distinguish lines by that name. */
export function bySeries<Row extends Series>(rows: readonly Row[]): Row[] {
  return rows.map((row) => ({ ...row, strategy: seriesName(row, rows) }));
}
