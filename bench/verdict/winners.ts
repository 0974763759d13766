import { groupBy } from '../stats/group-by.js';
import { seriesName } from '../tables/series.js';
import type { WinnerRow } from '../tables/situation-columns.js';
import { hasRate, type RatedSummary, type SummaryRow } from '../tables/summary-columns.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { choose } from './choice.js';
import { familyOf, familyRates, isBaseline, type Traits } from './configurations.js';

export interface WinnerOptions {
  readonly trials: readonly TrialRow[];
  readonly strategies: readonly Traits[];
  /** Log ratio below which a difference does not count, by workload. */
  readonly margins: (workload: string) => number;
}

/**
 * Chooses what to use at each number of workers, for each workload and corpus, by the rule in `choice.ts`.
 * The baseline has no number of workers and competes at every one.
 */
export function winners(
  summaries: readonly SummaryRow[],
  { trials, strategies, margins }: WinnerOptions,
): WinnerRow[] {
  const measured = groupBy(trials, familyOf);
  return [...groupBy(summaries.filter(hasRate), familyOf)].flatMap(([key, family]) => {
    const levels = new Set(
      family.filter((cell) => !isBaseline(strategies, cell)).map(({ workers }) => workers),
    );
    return [...levels]
      .sort((a, b) => a - b)
      .flatMap((workers): WinnerRow[] => {
        const competes = (cell: RatedSummary) => isBaseline(strategies, cell) || cell.workers === workers;
        const found = choose(
          familyRates(family, {
            trials: measured.get(key) ?? [],
            strategies,
            margin: margins(family[0].workload),
            barred: (cell) => !competes(cell),
            allowOversubscribed: true,
          }),
        );
        if (found === null) return [];
        const { cell } = found.choice;
        const { workload, corpus, source, document_bytes, strategy, delivery } = cell;
        const tied = found.rivals
          .filter(({ relation }) => relation !== 'slower' && relation !== 'too few rounds')
          .map(({ configuration }) => seriesName(configuration.cell, family.filter(competes)));
        return [
          {
            workload,
            corpus,
            source,
            document_bytes,
            workers,
            strategy,
            delivery,
            rtt_ms: cell.rtt_ms,
            per_worker: cell.per_worker,
            documents_per_second: cell.documents_per_second,
            speedup: cell.speedup,
            tied: tied.length === 0 ? null : tied.join(' '),
          },
        ];
      });
  });
}
