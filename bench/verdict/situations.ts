import { type Isolation, isolates } from '../../strategies/strategy.js';
import { groupBy } from '../stats/group-by.js';
import type { LogRate } from '../stats/moderated.js';
import { memoryOf } from '../tables/memory.js';
import { seriesName } from '../tables/series.js';
import { type SituationRow, situationTable } from '../tables/situation-columns.js';
import { hasRate, type RatedSummary, type SummaryRow } from '../tables/summary-columns.js';
import { unknown } from '../tables/table.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { type Choice, chooseTogether, type FamilyRates } from './choice.js';
import type { Conclusion } from './conclude.js';
import { familyOf, familyRates, logRates, logsOfCost, type Measured, type Traits } from './configurations.js';

/**
 * This file chooses what to use where something beside throughput counts. Each situation rules cells out,
 * names the figure that counts, and leaves the choice to the rule in `choice.ts`, for all sizes of a workload
 * together.
 */

/** Latency and memory are not worth more than a fifth of the highest rate. */
const minShare = 0.8;
/** A server shares the event loop with the strategy; above this share of busy time it answers late. */
const maxBusy = 0.5;
/** A crash of native code must not pass this isolation. */
const isolated: Isolation = 'process';

interface Situation {
  readonly name: string;
  /** Why a cell is ruled out; null where none is. */
  readonly reason: string | null;
  qualifies(cell: RatedSummary, place: Place): boolean;
  /** Cells are compared by these logarithms. */
  logs(trials: readonly TrialRow[]): LogRate[];
  /** True where the throughput choice stays unless another cell is shown to be better. */
  readonly keepsChoice: boolean;
}

/** A place is a workload and corpus. */
interface Place {
  readonly conclusion: Conclusion;
  readonly family: readonly RatedSummary[];
  readonly trials: readonly TrialRow[];
  isolationOf(cell: RatedSummary): Isolation;
}

const slow = `they do not reach ${100 * minShare} % of the highest rate`;

const others: readonly Situation[] = [
  {
    name: 'latency',
    reason: slow,
    qualifies: isNearFastest,
    logs: (trials) => logsOfCost(trials, ({ latency_p99_ms }) => latency_p99_ms),
    keepsChoice: true,
  },
  {
    name: 'beside a server',
    reason: "they keep the caller's event loop busy for more than half of the time",
    qualifies: ({ event_loop_utilization: busy }) => busy !== null && busy <= maxBusy,
    logs: logRates,
    keepsChoice: false,
  },
  {
    name: 'little memory',
    reason: slow,
    qualifies: isNearFastest,
    logs: (trials) => logsOfCost(trials, memoryOf),
    keepsChoice: true,
  },
  {
    name: 'isolation',
    reason: 'a crash of native code, or memory that runs out, ends the caller with them',
    qualifies: (cell, { isolationOf }) => isolates(isolationOf(cell), isolated),
    logs: logRates,
    keepsChoice: false,
  },
];

export interface SituationOptions {
  readonly conclusions: readonly Conclusion[];
  readonly trials: readonly TrialRow[];
  readonly strategies: readonly Traits[];
  /** Log ratio below which a difference does not count, by workload. */
  readonly margins: (workload: string) => number;
}

/** Returns a row for each situation of each conclusion. */
export function situations(
  summaries: readonly SummaryRow[],
  { conclusions, trials, strategies, margins }: SituationOptions,
): SituationRow[] {
  const families = groupBy(summaries.filter(hasRate), familyOf);
  const measured = groupBy(trials, familyOf);
  const isolationOf = (cell: RatedSummary) =>
    strategies.find(({ name }) => name === cell.strategy)?.isolation ?? 'none';
  return [...groupBy(conclusions, ({ workload }) => workload)].flatMap(([workload, members]) => {
    const places = members.map((conclusion): Place => {
      const key = familyOf(conclusion);
      return { conclusion, family: families.get(key) ?? [], trials: measured.get(key) ?? [], isolationOf };
    });
    const choices = others.map((situation) =>
      chooseTogether(
        places.map((place) => contestants(situation, place, { strategies, margin: margins(workload) })),
      ),
    );
    return places.flatMap((place, p) => [
      rowOf(place, {
        situation: 'throughput',
        reason: null,
        qualified: place.family,
        choice: place.conclusion.choice,
      }),
      ...others.map((situation, s) =>
        rowOf(place, {
          situation: situation.name,
          reason: situation.reason,
          qualified: place.family.filter((cell) => situation.qualifies(cell, place)),
          choice: cellOf(choices[s]?.[p]),
        }),
      ),
    ]);
  });
}

function isNearFastest(cell: RatedSummary, { conclusion }: Place): boolean {
  return cell.documents_per_second >= minShare * conclusion.fastest.documents_per_second;
}

/** The throughput choice takes the place of the baseline where only evidence may replace it. */
function contestants(
  situation: Situation,
  place: Place,
  { strategies, margin }: { readonly strategies: readonly Traits[]; readonly margin: number },
): FamilyRates<Measured> {
  const given = familyRates(place.family, {
    trials: place.trials,
    strategies,
    margin,
    barred: (cell) => !situation.qualifies(cell, place),
    rates: situation.logs(place.trials),
  });
  if (!situation.keepsChoice) return given;
  const { choice } = place.conclusion;
  return {
    ...given,
    configurations: given.configurations.map((one) => ({ ...one, baseline: one.cell === choice })),
  };
}

function cellOf(choice: Choice<Measured> | null | undefined): RatedSummary | null {
  return choice?.choice.cell ?? null;
}

function rowOf(
  { conclusion: { workload, corpus, source, documentBytes }, family }: Place,
  {
    situation,
    reason,
    qualified,
    choice,
  }: {
    readonly situation: string;
    readonly reason: string | null;
    readonly qualified: readonly RatedSummary[];
    readonly choice: RatedSummary | null;
  },
): SituationRow {
  const names = (cells: readonly RatedSummary[]) => [
    ...new Set(cells.map((cell) => seriesName(cell, family))),
  ];
  const qualifiedNames = names(qualified);
  const out = names(family).filter((name) => !qualifiedNames.includes(name));
  const place = { workload, corpus, source, document_bytes: documentBytes, situation };
  const given = { ...place, ...ruledOut(out, reason) };
  if (choice === null) return { ...unknown(situationTable), ...given };
  return {
    ...given,
    strategy: choice.strategy,
    delivery: choice.delivery,
    workers: choice.workers,
    per_worker: choice.per_worker ?? null,
    documents_per_second: choice.documents_per_second,
    speedup: choice.speedup,
    latency_p99_ms: choice.latency_p99_ms,
    event_loop_utilization: choice.event_loop_utilization,
    memory_bytes: memoryOf(choice),
  };
}

function ruledOut(names: readonly string[], reason: string | null) {
  return reason === null || names.length === 0
    ? { ruled_out: null, reason: null }
    : { ruled_out: names.join(' '), reason };
}
