import { groupBy } from '../stats/group-by.js';
import type { SummaryRow, TrialRow } from '../tables/columns.js';
import { unknown } from '../tables/columns.js';
import { memoryOf } from '../tables/memory.js';
import { seriesName } from '../tables/series.js';
import { type SituationRow, situationColumns } from '../tables/situation-columns.js';
import {
  type Conclusion,
  familyOf,
  fastestOf,
  hasRate,
  type Rated,
  simplestFirst,
  tiedWith,
} from './conclude.js';

/** Who gives up more of the rate than this for latency or memory wants another answer than "which strategy". */
const leastShare = 0.8;
/** A server shares the event loop with the strategy; busier than this it answers late. */
const busiest = 0.5;

export interface SituationOptions {
  readonly conclusions: readonly Conclusion[];
  readonly trials: readonly TrialRow[];
  /** Strategies from the simplest to the most involved. */
  readonly simplest: readonly string[];
  /** Strategies whose workers are processes. */
  readonly isolated: readonly string[];
}

/** What to use in each situation, for each workload and corpus with a rate. */
export function situations(
  summaries: readonly SummaryRow[],
  { conclusions, trials, simplest, isolated }: SituationOptions,
): SituationRow[] {
  const measured = groupBy(trials, familyOf);
  const families = groupBy(summaries.filter(hasRate), familyOf);
  return conclusions.flatMap((conclusion) => {
    const family = families.get(familyOf(conclusion)) ?? [];
    const own = measured.get(familyOf(conclusion)) ?? [];
    const fastest = (cells: readonly Rated[]): SummaryRow | undefined =>
      cells.length === 0
        ? undefined
        : [...tiedWith(fastestOf(cells), cells, own)].sort(simplestFirst(simplest))[0];
    const nearest = family.filter(
      (cell) => cell.documents_per_second >= leastShare * (conclusion.fastest.documents_per_second as number),
    );
    const considerate = family.filter(({ event_loop_utilization: busy }) => busy !== null && busy <= busiest);
    const processes = family.filter(({ strategy }) => isolated.includes(strategy));
    const slow = `they do not reach ${100 * leastShare} % of the highest rate`;
    const row = rowOf(conclusion, family);
    return [
      row('throughput', conclusion.choice, { qualified: family, reason: null }),
      row(
        'latency',
        least(nearest, ({ latency_p99_ms }) => latency_p99_ms),
        { qualified: nearest, reason: slow },
      ),
      row('beside a server', fastest(considerate), {
        qualified: considerate,
        reason: "they keep the caller's event loop busy for more than half of the time",
      }),
      row('little memory', least(nearest, memoryOf), { qualified: nearest, reason: slow }),
      row('isolation', fastest(processes), {
        qualified: processes,
        reason: 'a crash of native code, or memory that runs out, ends the caller with them',
      }),
    ];
  });
}

function least(
  cells: readonly SummaryRow[],
  value: (cell: SummaryRow) => number | null,
): SummaryRow | undefined {
  return cells
    .filter((cell) => value(cell) !== null)
    .sort((a, b) => (value(a) as number) - (value(b) as number))[0];
}

function rowOf({ workload, corpus, documentBytes }: Conclusion, family: readonly SummaryRow[]) {
  return (
    situation: string,
    choice: SummaryRow | undefined,
    { qualified, reason }: { qualified: readonly SummaryRow[]; reason: string | null },
  ): SituationRow => {
    const names = (cells: readonly SummaryRow[]) => [
      ...new Set(cells.map((cell) => seriesName(cell, family))),
    ];
    const qualifiedNames = names(qualified);
    const out = names(family).filter((name) => !qualifiedNames.includes(name));
    return {
      ...unknown(situationColumns),
      ...{ workload, corpus, document_bytes: documentBytes, situation },
      ...(choice === undefined
        ? {}
        : {
            strategy: choice.strategy,
            delivery: choice.delivery,
            workers: choice.workers,
            documents_per_second: choice.documents_per_second,
            speedup: choice.speedup,
            latency_p99_ms: choice.latency_p99_ms,
            event_loop_utilization: choice.event_loop_utilization,
            memory_bytes: memoryOf(choice),
          }),
      ruled_out: out.length === 0 ? null : out.join(' '),
      reason: out.length === 0 ? null : reason,
    };
  };
}
