import type { StrategyTraits } from '../../strategies/strategy.js';
import { mean } from '../stats/estimate.js';
import { type LogRate, moderate } from '../stats/moderated.js';
import { sameCell } from '../tables/cell.js';
import type { CorpusCosts } from '../tables/environment.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import { comparableRate, lostPerStart } from '../tables/summarise.js';
import { hasRate, type RatedSummary, type SummaryRow } from '../tables/summary-columns.js';
import { isOk, type TrialRow } from '../tables/trial-columns.js';
import { baselineCellOf } from '../verdict/beyond-cores.js';
import {
  type Configuration,
  chooseTogether,
  type Ratio,
  type Relation,
  type Rival,
  ratioOf,
} from '../verdict/choice.js';
import { marginsOf } from '../verdict/compare.js';
import { barredBecause, configurationName, turnOf } from '../verdict/configurations.js';
import { type FusedOrStaged, fusedOrStaged } from '../verdict/fused.js';
import { type Constraints, loopViolation, violation } from './constraints.js';
import { promiseOf, type RunPromise } from './promise.js';

export interface DecideOptions {
  /**
   * Trials of one workload, over all its corpora: a configuration that is good at every size is preferred.
   */
  readonly trials: readonly TrialRow[];
  /** Summaries that were made from the same trials. */
  readonly summaries: readonly SummaryRow[];
  readonly responsiveness: readonly ResponsivenessRow[];
  readonly constraints: Constraints;
  /** The strategies that were measured, in the order of the list. */
  readonly strategies: readonly StrategyTraits[];
  /** The corpus to choose for. */
  readonly corpus: string;
  /** The costs of that corpus and of its folder; absent or null if they were not measured. */
  readonly costs?: CorpusCosts | null;
  /** True if the usual warm-up is too short for the task. */
  readonly isSlowToWarm?: boolean;
  /** Further reasons against configurations, by name, such as what their open loops showed. */
  readonly reasons?: ReadonlyMap<string, string>;
}

/** A configuration that keeps the constraints. */
export interface Eligible {
  readonly cell: RatedSummary;
  /** Its rate divided by that of the choice; null for the choice itself, and if they have no common round. */
  readonly ratio: Ratio | null;
  /** How it relates to the choice; null for the choice itself. */
  readonly relation: Relation | null;
  /** The rate to expect of a new run. */
  readonly rate: RunPromise;
}

export interface Decision {
  /** The configuration with the highest rate; like all below, it keeps the constraints. */
  readonly best: RatedSummary;
  /** The configuration to use. */
  readonly choice: RatedSummary;
  /** The choice, and the configurations that are not shown to be slower than it, the fastest first. */
  readonly tied: readonly Eligible[];
  /** Configurations that keep the constraints and are slower, or left the race early; the fastest first. */
  readonly slower: readonly Eligible[];
  readonly disqualified: readonly Disqualified[];
  /** The share of the rate that the choice loses against the best at most, at 95 %; null if unknown. */
  readonly regretBound: number | null;
  /** Configurations that this bound leaves out, because they have a single block. */
  readonly leftOut: number;
  /** The rate to expect of a new run. */
  readonly rate: RunPromise;
  /**
   * How long workers wait for the last document at the end of a pass, mean, milliseconds; null if unknown.
   */
  readonly endMs: number | null;
  /** The gain of the choice over the baseline; null if the baseline is the choice or was not measured. */
  readonly speedup: Ratio | null;
  /** True if the baseline is the choice because nothing is shown to be faster. */
  readonly nothingIsFaster: boolean;
  /** Blocks in which the choice was measured. */
  readonly blocks: number;
  /** Whether stages are to have workers of their own; null where not both ways keep the constraints. */
  readonly staged: FusedOrStaged | null;
}

export interface Disqualified {
  readonly cell: SummaryRow;
  readonly reason: string;
}

/** Why there is no choice: each configuration and the constraint that it breaks. */
export interface NoChoice {
  readonly disqualified: readonly Disqualified[];
  /** Configurations whose loop delay must be measured first, the fastest first. */
  readonly untested: readonly SummaryRow[];
}

export type Decided = ({ readonly state: 'chosen' } & Decision) | ({ readonly state: 'none' } & NoChoice);

/**
 * Chooses a configuration that keeps the constraints, by the rule in `verdict/choice.ts`. Configurations
 * that break one are removed first; their rates still help to estimate how much rates scatter.
 */
export function decide(options: DecideOptions): Decided {
  const corpora = [...new Set(options.summaries.map(({ corpus }) => corpus))];
  const families = corpora.map((corpus) => familyOf(corpus, options));
  const family = families.find(({ corpus }) => corpus === options.corpus);
  if (family === undefined) return { state: 'none', disqualified: [], untested: [] };
  const choices = chooseTogether(families);
  const made = choices[families.indexOf(family)];
  const { reasons, untested } = family;
  if (made == null) {
    const unmeasured = byRate(untested);
    return { state: 'none', disqualified: reasons, untested: unmeasured };
  }
  const open = untested.map((cell) => ({ cell, reason: loopDelayUnknown }));
  const { trials, summaries, constraints, strategies } = options;
  const own = trials.filter(({ corpus }) => corpus === options.corpus);
  const choice = made.choice.cell;
  const promised = (cell: RatedSummary) =>
    promiseOf({
      trials: own.filter((trial) => sameCell(trial, cell) && trial.twin === null),
      costs: options.costs ?? null,
      coldCodeMs: cell.cold_code_ms,
      isSlowToWarm: options.isSlowToWarm ?? false,
      endMs: endMsOf(cell, own),
      workers: cell.workers,
    });
  const eligible = (rival: Rival<Contestant>): Eligible => ({
    cell: rival.configuration.cell,
    ratio: rival.ratio,
    relation: rival.relation,
    rate: promised(rival.configuration.cell),
  });
  const itself: Eligible = { cell: choice, ratio: null, relation: null, rate: promised(choice) };
  const isBehind = ({ relation }: Rival<Contestant>) =>
    relation === 'slower' || relation === 'too few rounds';
  const tied = made.rivals.filter((rival) => !isBehind(rival)).map(eligible);
  const ahead = tied.filter(({ ratio }) => (ratio?.ratio ?? 0) > 1);
  const baseline = strategies.find((strategy) => strategy.baseline)?.name;
  return {
    state: 'chosen',
    best: made.best.cell,
    choice,
    tied: [...ahead, itself, ...tied.filter((one) => !ahead.includes(one))],
    slower: made.rivals.filter(isBehind).map(eligible),
    disqualified: [...reasons, ...open],
    regretBound: made.regretBound,
    leftOut: made.leftOut.length,
    rate: itself.rate,
    endMs: endMsOf(choice, own),
    speedup:
      constraints.batch === null || made.gain === null
        ? made.gain
        : plainGain(choice, { trials: own, summaries, baseline }),
    nothingIsFaster: choice.strategy === baseline && made.rivals.length > 0,
    blocks: made.rounds,
    staged: fusedOrStaged(made, strategies),
  };
}

/** The configurations that keep the constraints; none where there is no choice. */
export function eligibleCells(decided: Decided): RatedSummary[] {
  return decided.state === 'none' ? [] : [...decided.tied, ...decided.slower].map(({ cell }) => cell);
}

/** The reason given for a configuration whose loop delay is limited and was not measured. */
export const loopDelayUnknown = 'loop delay: not measured';

interface Contestant extends Configuration {
  readonly cell: RatedSummary;
}

/** Collects the configurations of one corpus and their rates, and bars the ones that may not be chosen. */
function familyOf(corpus: string, options: DecideOptions) {
  const { constraints, responsiveness, strategies } = options;
  const own = options.trials.filter((trial) => trial.corpus === corpus);
  const summaries = options.summaries.filter((row) => row.corpus === corpus);
  const traitsOf = (row: SummaryRow) => strategies.find(({ name }) => name === row.strategy);
  const reasons: Disqualified[] = [];
  const untested: RatedSummary[] = [];
  for (const cell of summaries) {
    const reason =
      reasonAgainst(cell, {
        traits: traitsOf(cell),
        constraints,
        baseline: baselineCellOf(cell, { cells: summaries, strategies }),
      }) ??
      options.reasons?.get(configurationName(cell)) ??
      null;
    if (reason !== null) {
      reasons.push({ cell, reason });
      continue;
    }
    if (!hasRate(cell)) continue; // it has a reason
    const delay = loopViolation(cell, responsiveness, constraints);
    if (delay === 'untested') untested.push(cell);
    else if (delay !== null) reasons.push({ cell, reason: delay });
  }
  const barred = new Set<SummaryRow>([...reasons.map(({ cell }) => cell), ...untested]);
  const configurations = summaries.filter(hasRate).map(
    (cell): Contestant => ({
      cell,
      name: configurationName(cell),
      isolation: traitsOf(cell)?.isolation ?? 'none',
      workers: cell.workers,
      baseline: traitsOf(cell)?.baseline ?? false,
      barred: barred.has(cell),
    }),
  );
  const margin = marginsOf(options.trials)(own[0]?.workload ?? '');
  return {
    corpus,
    configurations,
    rates: scores(own, summaries, constraints.batch),
    margin,
    reasons,
    untested,
  };
}

function reasonAgainst(
  row: SummaryRow,
  {
    traits,
    constraints,
    baseline,
  }: {
    traits: StrategyTraits | undefined;
    constraints: Constraints;
    baseline: SummaryRow | undefined;
  },
): string | null {
  if (!hasRate(row)) return 'none of its trials was valid';
  if (traits === undefined) return 'measured for comparison only: it is no strategy of forkwise';
  return barredBecause(row, traits, { baseline }) ?? violation(row, traits, constraints);
}

/**
 * Takes logarithms of the trials' rates. With a batch, the rate is that of the whole batch, including the
 * median start-up of the configuration and the time until its code is warm.
 * @param summaries of the same trials
 */
export function scores(
  trials: readonly TrialRow[],
  summaries: readonly SummaryRow[],
  batch: number | null,
): LogRate[] {
  return trials
    .filter(({ twin }) => twin === null)
    .filter(isOk)
    .map((trial) => {
      const cell = summaries.find((one) => sameCell(one, trial));
      const seconds = batch === null || cell === undefined ? 0 : lostPerStart(cell) / 1000 / batch;
      return { ...turnOf(trial), log: -Math.log(1 / comparableRate(trial) + seconds) };
    });
}

function byRate(cells: readonly RatedSummary[]): RatedSummary[] {
  return [...cells].sort((a, b) => b.documents_per_second - a.documents_per_second);
}

/** Returns the idle time at the end of one pass, averaged over all trials. */
function endMsOf(cell: RatedSummary, trials: readonly TrialRow[]): number | null {
  const ends = trials
    .filter((trial) => sameCell(trial, cell))
    .filter(isOk)
    .map(({ end_idle_ms, passes }) =>
      end_idle_ms === null || passes === null ? null : end_idle_ms / passes,
    );
  const known = ends.filter((ms) => ms !== null);
  return known.length === 0 ? null : mean(known);
}

/** The gain while the workers run, without their start-up. */
function plainGain(
  choice: RatedSummary,
  {
    trials,
    summaries,
    baseline,
  }: Pick<DecideOptions, 'trials' | 'summaries'> & { readonly baseline: string | undefined },
): Ratio | null {
  const reference = trials.find(({ strategy, twin }) => strategy === baseline && twin === null);
  if (reference === undefined) return null;
  const family = moderate(scores(trials, summaries, null));
  return ratioOf(family.difference(configurationName(choice), configurationName(reference)));
}
