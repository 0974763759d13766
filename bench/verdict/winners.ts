import { groupBy } from '../stats/group-by.js';
import type { SummaryRow, TrialRow } from '../tables/columns.js';
import { seriesName } from '../tables/series.js';
import type { WinnerRow } from '../tables/situation-columns.js';
import { familyOf, fastestOf, hasRate, simplestFirst, tiedWith } from './conclude.js';

export interface WinnerOptions {
  readonly trials: readonly TrialRow[];
  /** Strategies from the simplest to the most involved; of cells that tie, the simplest is named. */
  readonly simplest: readonly string[];
}

/**
 * What to use at each number of workers, for each workload and corpus. `sequential` has no number of workers and competes
 * at every one. Ties are told as in conclusions without verdicts: by paired intervals with a pooled variance.
 */
export function winners(summaries: readonly SummaryRow[], { trials, simplest }: WinnerOptions): WinnerRow[] {
  const rated = summaries.filter(hasRate);
  const families = groupBy(rated, familyOf);
  const measured = groupBy(trials, familyOf);
  return [...families].flatMap(([key, family]) => {
    const parallel = family.filter(({ strategy }) => strategy !== 'sequential');
    const levels = [...new Set(parallel.map(({ workers }) => workers))].sort((a, b) => a - b);
    return levels.map((workers): WinnerRow => {
      const cells = family.filter((cell) => cell.strategy === 'sequential' || cell.workers === workers);
      const tied = tiedWith(fastestOf(cells), cells, measured.get(key) ?? []);
      const [chosen, ...others] = [...tied].sort(simplestFirst(simplest)) as [SummaryRow, ...SummaryRow[]];
      const { workload, corpus, document_bytes, strategy, delivery, speedup } = chosen;
      return {
        workload,
        corpus,
        document_bytes,
        workers,
        strategy,
        delivery,
        documents_per_second: chosen.documents_per_second as number,
        speedup,
        tied: others.length === 0 ? null : others.map((other) => seriesName(other, cells)).join(' '),
      };
    });
  });
}
