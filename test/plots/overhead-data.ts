import type { Spec } from '../../plots/chart.js';
import { type GranularityRow, granularity, type MetgMark } from '../../plots/charts/granularity.js';
import type { OverheadRow } from '../../plots/charts/overhead.js';

/** Each strategy costs about this much, µs per document of 10 KB with 2 workers. */
const usual: Record<string, number> = {
  partitioned: 2.2,
  'self-scheduling': 2.1,
  'post-message': 4.3,
  queue: 5,
  'thread-pool': 16,
  piscina: 17,
  tinypool: 18,
  poolifier: 19,
  'workerpool-threads': 55,
  'jest-worker': 58,
  'jest-worker-threads': 58,
  'tinypool-processes': 58,
  'process-pool': 100,
  'thread-per-document': 30_000,
};
export const allNames = Object.keys(usual);
export const fewNames = ['partitioned', 'queue', 'thread-pool'];

export interface Choice {
  readonly strategies?: readonly string[];
  readonly workers?: readonly number[];
  readonly sizes?: readonly number[];
  readonly change?: (row: OverheadRow) => Partial<OverheadRow>;
}

export function overheads({
  strategies = fewNames,
  workers = [1, 2],
  sizes = [0, 1e4, 1e5, 5e5],
  change,
}: Choice = {}): OverheadRow[] {
  const rows = workers.flatMap((count) =>
    strategies.flatMap((strategy) =>
      sizes.map((document_bytes) => {
        const overhead_us = (usual[strategy] ?? 30) + document_bytes / 1e4;
        return {
          strategy,
          workers: count,
          document_bytes,
          overhead_us,
          overhead_us_lower: overhead_us * 0.9,
          overhead_us_upper: overhead_us * 1.1,
        };
      }),
    ),
  );
  return rows.map((row) => ({ ...row, ...change?.(row) }));
}

/** A value that was not measured. */
export const unknownOverhead = { overhead_us: null, overhead_us_lower: null, overhead_us_upper: null };

export interface Sweep {
  readonly rows: GranularityRow[];
  readonly marks: MetgMark[];
}

export function sweeps(strategies: readonly string[] = fewNames): Sweep {
  const rows = strategies.flatMap((strategy) =>
    Array.from({ length: 12 }, (_, power) => {
      const granularity_us = 4 ** power + (usual[strategy] ?? 30);
      return { strategy, granularity_us, efficiency: 4 ** power / granularity_us };
    }),
  );
  const marks = strategies.flatMap((strategy) =>
    [0.5, 0.8].map((e) => {
      const metg_us = (usual[strategy] ?? 30) / (1 - e);
      return { strategy, e, metg_us, metg_us_lower: metg_us * 0.94, metg_us_upper: metg_us * 1.06 };
    }),
  );
  return { rows, marks };
}

/** A mark of METG whose values are unknown, except those in `change`. */
export const mark = (change: Partial<MetgMark>): MetgMark => {
  return { strategy: 'queue', e: 0.5, metg_us: null, metg_us_lower: null, metg_us_upper: null, ...change };
};

export function drawn({ rows, marks }: Sweep): Spec {
  return granularity(rows, marks);
}
