import { halfWidth, mean, squares } from '../stats/estimate.js';
import { groupBy } from '../stats/group-by.js';
import type { SummaryRow, TrialRow } from '../tables/columns.js';
import type { ComparisonRow } from '../tables/comparison-columns.js';
import type { Claims } from '../tables/environment.js';
import { seriesName } from '../tables/series.js';
import { pairedLogRatios, sameCell } from '../tables/summarise.js';
import { practicalMargin } from './choice.js';
import { slowerThanBest } from './compare.js';

/** What a run's summaries come to for one workload and corpus. */
export interface Conclusion {
  readonly workload: string;
  readonly kind: string;
  readonly corpus: string;
  readonly documentBytes: number;
  /** Worker counts that were measured, rising. */
  readonly levels: readonly number[];
  /** Every strategy, with each delivery that was measured, at the worker count with its highest rate, the chosen one at the chosen count; in the order of the summaries. */
  readonly atBest: readonly SummaryRow[];
  /** The cell with the highest rate. */
  readonly fastest: SummaryRow;
  readonly claims: Claims;
  /** Cells that this run cannot tell from the fastest, itself included. */
  readonly tied: readonly SummaryRow[];
  /** The simplest of the tied. */
  readonly choice: SummaryRow;
  readonly confidence: Confidence;
  /** The best cell of another strategy or delivery than the choice's, against the fastest cell; null where there is none. */
  readonly next: ComparisonRow | null;
}

/** `clear`: nothing else ties; `tie`: others do, and are the choice's equals; `inconclusive`: others may be, more rounds would tell. */
export type Confidence = 'clear' | 'tie' | 'inconclusive';

/** What a race has decided on its own evidence, in which arms were measured unequally often. */
export interface Decided {
  readonly choice: Arm;
  readonly tied: readonly Arm[];
}

type Arm = Pick<SummaryRow, 'strategy' | 'workers' | 'delivery'>;

export interface ConcludeOptions {
  readonly trials: readonly TrialRow[];
  readonly comparisons: readonly ComparisonRow[];
  readonly claims: Claims;
  /** Strategies from the simplest to the most involved; of cells that tie, the simplest is chosen. */
  readonly simplest: readonly string[];
  /** Of a run that was a race; it is not decided again. */
  readonly decided?: Decided | undefined;
}

/** One conclusion for each workload and corpus that has a cell with a rate. */
export function conclude(summaries: readonly SummaryRow[], options: ConcludeOptions): Conclusion[] {
  const families = groupBy(summaries.filter(hasRate), familyOf);
  const trials = groupBy(options.trials, familyOf);
  return [...families].map(([key, family]) => {
    const { workload, kind, corpus, document_bytes } = family[0] as SummaryRow;
    const fastest = fastestOf(family);
    const tied = tiesOf(family, options) ?? tiedWith(fastest, family, trials.get(key) ?? []);
    const chosen = family.find(
      (row) => options.decided !== undefined && sameArm(row, options.decided.choice),
    );
    const choice = chosen ?? ([...tied].sort(simplestFirst(options.simplest))[0] as SummaryRow);
    const series = groupBy(family, (row) => seriesName(row, family));
    const atBest = [...series.values()].map((cells) =>
      cells.includes(choice as Rated) ? choice : fastestOf(cells),
    );
    const levels = [...new Set(family.map(({ workers }) => workers))].sort((a, b) => a - b);
    const others = options.comparisons.filter(
      (row) =>
        row.reference === 'best' &&
        familyOf(row) === key &&
        seriesName(row, family) !== seriesName(choice, family),
    );
    return {
      ...{
        workload,
        kind,
        corpus,
        documentBytes: document_bytes,
        claims: options.claims,
        levels,
        atBest,
        fastest,
        tied,
        choice,
      },
      confidence: confidenceIn({ tied, choice, fastest, others }),
      next: others.reduce<ComparisonRow | null>(
        (best, row) => (best === null || row.ratio > best.ratio ? row : best),
        null,
      ),
    };
  });
}

/** Rows that compete with each other. */
export function familyOf({ workload, corpus }: Pick<TrialRow, 'workload' | 'corpus'>): string {
  return JSON.stringify([workload, corpus]);
}

export type Rated = SummaryRow & { readonly documents_per_second: number };

export function hasRate(row: SummaryRow): row is Rated {
  return row.documents_per_second !== null;
}

export function fastestOf(cells: readonly Rated[]): Rated {
  return cells.reduce((a, b) => (b.documents_per_second > a.documents_per_second ? b : a));
}

function confidenceIn({
  tied,
  choice,
  fastest,
  others,
}: Pick<Conclusion, 'tied' | 'choice' | 'fastest'> & {
  readonly others: readonly ComparisonRow[];
}): Confidence {
  const rivals = tied.filter((row) => seriesName(row, tied) !== seriesName(choice, tied));
  if (fastest.rounds < 2) return 'inconclusive';
  if (rivals.length === 0) return 'clear';
  return others.some((row) => row.verdict === 'inconclusive' && rivals.some((rival) => sameCell(rival, row)))
    ? 'inconclusive'
    : 'tie';
}

/** By what a race has decided, or by the verdicts, where the profile makes them. */
function tiesOf(
  family: readonly Rated[],
  { comparisons, claims, decided }: ConcludeOptions,
): SummaryRow[] | null {
  if (decided !== undefined) return family.filter((row) => decided.tied.some((arm) => sameArm(row, arm)));
  return claims === 'verdicts' ? family.filter((row) => !slowerThanBest(comparisons, row)) : null;
}

/**
 * Where it makes none, a cell ties with the fastest unless the 95 % interval of its log ratio, paired by round, lies wholly beyond the
 * practical margin. The variance is pooled over the family: three rounds a cell alone would tell nothing apart. With a
 * single round there is no variance, and nothing can be told apart.
 * @param trials those of the family at least
 */
export function tiedWith(
  fastest: SummaryRow,
  family: readonly SummaryRow[],
  trials: readonly TrialRow[],
): SummaryRow[] {
  const trialsOf = (row: SummaryRow) => trials.filter((trial) => sameCell(trial, row));
  const ours = trialsOf(fastest);
  const contenders = family
    .filter((row) => row !== fastest)
    .map((row) => ({ row, ratios: pairedLogRatios(ours, trialsOf(row)) }))
    .filter(({ ratios }) => ratios.length > 0);
  const df = contenders.reduce((sum, { ratios }) => sum + ratios.length - 1, 0);
  const variance = contenders.reduce((sum, { ratios }) => sum + squares(ratios), 0) / df;
  const ties = contenders.filter(
    ({ ratios }) =>
      df === 0 || mean(ratios) - halfWidth({ variance, df, n: ratios.length }) < practicalMargin,
  );
  return family.filter((row) => row === fastest || ties.some((tie) => tie.row === row));
}

function sameArm(a: Arm, b: Arm): boolean {
  return a.strategy === b.strategy && a.workers === b.workers && a.delivery === b.delivery;
}

/** Then fewer workers, then less memory. */
export function simplestFirst(simplest: readonly string[]): (a: SummaryRow, b: SummaryRow) => number {
  return (a, b) =>
    simplest.indexOf(a.strategy) - simplest.indexOf(b.strategy) ||
    a.workers - b.workers ||
    (a.rss_peak_bytes ?? 0) - (b.rss_peak_bytes ?? 0);
}
