import { groupBy, type NonEmpty } from '../stats/group-by.js';
import type { ComparisonRow } from '../tables/comparison-columns.js';
import type { Claims } from '../tables/environment.js';
import { seriesName } from '../tables/series.js';
import { hasRate, type RatedSummary, type SummaryRow } from '../tables/summary-columns.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { type BrokerPrice, brokerPrices } from './broker-price.js';
import { isBusy } from './busy.js';
import { type Choice, chooseTogether, oftenMeasured, type Ratio, type Relation } from './choice.js';
import {
  configurationName,
  familyOf,
  familyRates,
  isLimit,
  type Measured,
  type Traits,
} from './configurations.js';
import { type FusedOrStaged, fusedOrStaged } from './fused.js';

/** A conclusion is what a run shows about one workload and corpus. */
export interface Conclusion {
  readonly workload: string;
  readonly kind: string;
  readonly corpus: string;
  /** It is null where the documents are in memory, as in `trials.csv`. */
  readonly source: string | null;
  readonly documentBytes: number;
  /** The numbers of workers that were measured, rising. */
  readonly levels: readonly number[];
  /**
   * Every strategy, with each delivery that was measured, at the number of workers with its highest rate; the
   * choice at its own number. In the order of the summaries.
   */
  readonly atBest: readonly RatedSummary[];
  /** This cell has the highest rate, apart from a machine limit. */
  readonly fastest: RatedSummary;
  /** Claims are limited by the profile, and to suggestions where the machine was busy. */
  readonly claims: Claims;
  /** True where the machine was busy, by `busy.ts`. */
  readonly busy: boolean;
  /** The configuration to use, chosen by the rule in `choice.ts`. */
  readonly choice: RatedSummary;
  /** Cells that are shown to be neither slower nor faster than the choice, and the choice itself. */
  readonly tied: readonly RatedSummary[];
  /** The part of the tied cells that is shown to be as good as the choice. */
  readonly asGood: readonly RatedSummary[];
  /** Cells that are shown to be faster: possible only where it was decided in the run. */
  readonly faster: readonly RatedSummary[];
  /** How each other configuration that may be chosen relates to the choice, by its name. */
  readonly relations: ReadonlyMap<string, Relation>;
  readonly confidence: Confidence;
  /**
   * Rate of the choice ÷ rate of the baseline; null where the choice is the baseline, or where that was not
   * measured.
   */
  readonly gain: Ratio | null;
  /**
   * Rate of a configuration ÷ rate of the baseline with its calibrated interval, by the configuration's name.
   * Empty where no comparisons are given.
   */
  readonly gains: ReadonlyMap<string, Ratio>;
  /** The best by estimate of the cells that may be chosen. */
  readonly best: RatedSummary;
  /** Rate of the best ÷ rate of the choice; null where the choice is the best. */
  readonly shortfall: Ratio | null;
  /**
   * The share of the rate that following the advice may cost, at 95 %; null where the scatter is not known.
   */
  readonly regretBound: number | null;
  /** Configurations that this bound leaves out: see `Choice`. */
  readonly leftOut: number;
  /**
   * Rate of a configuration ÷ rate of the machine limit with as many workers, by the configuration's name.
   * Empty where no limit was measured.
   */
  readonly ofLimit: ReadonlyMap<string, Ratio>;
  /** Whether stages are to have workers of their own; null where not both ways were measured. */
  readonly staged: FusedOrStaged | null;
  /** What brokers cost; empty where no strategy was measured both with one and without. */
  readonly prices: readonly BrokerPrice[];
  /** The words need the traits of the strategies. */
  readonly strategies: readonly Traits[];
}

/**
 * `clear`: everything else is shown to be slower; `tie`: others are shown to be as good; `inconclusive`:
 * others are not told apart from the choice.
 */
export type Confidence = 'clear' | 'tie' | 'inconclusive';

/** A choice that `pick` has made under constraints. */
export interface Decided {
  readonly choice: Pick<SummaryRow, 'strategy' | 'workers' | 'delivery' | 'per_worker'>;
}

export interface ConcludeOptions {
  readonly trials: readonly TrialRow[];
  readonly strategies: readonly Traits[];
  readonly claims: Claims;
  /** Log ratio below which a difference does not count, by workload. */
  readonly margins: (workload: string) => number;
  /** The rows whose reference is the baseline or a machine limit are used; absent: there are none. */
  readonly comparisons?: readonly ComparisonRow[];
  /** A choice that was made before is judged, and not made again. */
  readonly decided?: Decided | undefined;
}

/** One conclusion for each workload and corpus in which a cell with a rate may be chosen. */
export function conclude(summaries: readonly SummaryRow[], options: ConcludeOptions): Conclusion[] {
  const trials = groupBy(options.trials, familyOf);
  return [...groupBy(summaries.filter(hasRate), ({ workload }) => workload)].flatMap(([workload, cells]) => {
    const families = [...groupBy(cells, familyOf)];
    const choices = chooseTogether(
      families.map(([key, family]) =>
        familyRates(family, {
          trials: trials.get(key) ?? [],
          strategies: options.strategies,
          margin: options.margins(workload),
          chosen: options.decided && configurationName(options.decided.choice),
        }),
      ),
    );
    return families.flatMap(([key, family], i) => {
      const choice = choices[i] ?? null;
      return choice === null
        ? []
        : [conclusionOf(family, choice, { ...options, trials: trials.get(key) ?? [] })];
    });
  });
}

export function fastestOf(cells: readonly RatedSummary[]): RatedSummary {
  return cells.reduce((a, b) => (b.documents_per_second > a.documents_per_second ? b : a));
}

function conclusionOf(
  family: NonEmpty<RatedSummary>,
  judged: Choice<Measured>,
  { trials, strategies, claims, comparisons = [] }: Omit<ConcludeOptions, 'margins' | 'decided'>,
): Conclusion {
  const [{ workload, kind, corpus, source, document_bytes }] = family;
  const choice = judged.choice.cell;
  const related = (...relations: readonly Relation[]) =>
    judged.rivals
      .filter(({ relation }) => relations.includes(relation))
      .map(({ configuration }) => configuration.cell);
  const tied = new Set([choice, ...related('as good', 'not told apart')]);
  const series = groupBy(family, (row) => seriesName(row, family));
  const busy = isBusy(trials);
  const own = comparisons.filter((row) => row.twin === null && familyOf(row) === familyOf(family[0]));
  return {
    workload,
    kind,
    corpus,
    source,
    documentBytes: document_bytes,
    levels: [...new Set(family.map(({ workers }) => workers))].sort((a, b) => a - b),
    atBest: [...series.values()].map((cells) => (cells.includes(choice) ? choice : fastestOf(cells))),
    fastest: fastestOf(
      oftenMeasured(
        family.filter((cell) => !isLimit(strategies, cell)),
        ({ rounds }) => rounds,
      ),
    ),
    claims: busy && claims === 'verdicts' ? 'suggests' : claims,
    busy,
    choice,
    tied: family.filter((cell) => tied.has(cell)),
    asGood: related('as good'),
    faster: related('faster'),
    relations: new Map(judged.rivals.map(({ configuration, relation }) => [configuration.name, relation])),
    confidence: confidenceIn(judged),
    gain: judged.gain,
    gains: new Map(
      own
        .filter(({ reference }) => reference === 'sequential')
        .map((row) => [
          configurationName(row),
          { ratio: row.ratio, low: row.calibrated_low, high: row.calibrated_high },
        ]),
    ),
    best: judged.best.cell,
    shortfall: judged.shortfall,
    regretBound: judged.regretBound,
    leftOut: judged.leftOut.length,
    staged: fusedOrStaged(judged, strategies),
    prices: brokerPrices(family, { trials, strategies }),
    ofLimit: new Map(
      own
        .filter(({ reference }) => reference === 'limit')
        .map((row) => [
          configurationName(row),
          { ratio: row.ratio, low: row.ratio_low, high: row.ratio_high },
        ]),
    ),
    strategies,
  };
}

/** Other numbers of workers of the choice's own strategy and delivery are no rivals. */
function confidenceIn({ choice, rivals, rounds }: Choice<Measured>): Confidence {
  if (rounds < 2) return 'inconclusive';
  const others = rivals.filter(
    ({ configuration: { cell } }) =>
      cell.strategy !== choice.cell.strategy || cell.delivery !== choice.cell.delivery,
  );
  if (others.some(({ relation }) => relation === 'not told apart' || relation === 'faster'))
    return 'inconclusive';
  return others.some(({ relation }) => relation === 'as good') ? 'tie' : 'clear';
}
