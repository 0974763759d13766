import type { StrategyTraits } from '../../strategies/strategy.js';
import { mean } from '../stats/estimate.js';
import type { SummaryRow, TrialRow } from '../tables/columns.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import { sameCell, valid } from '../tables/summarise.js';
import { practicalMargin } from '../verdict/choice.js';
import { hasRate, type Rated, simplestFirst } from '../verdict/conclude.js';
import { type NewRun, newRun } from '../verdict/new-run.js';
import { number, ratio } from '../words/units.js';
import { type Constraints, loopViolation, violation } from './constraints.js';
import { type Difference, Evidence, interval, upper } from './evidence.js';

const significance = 0.05;

export interface DecideOptions {
  /** Of one workload and corpus. */
  readonly trials: readonly TrialRow[];
  readonly summaries: readonly SummaryRow[];
  readonly responsiveness: readonly ResponsivenessRow[];
  readonly constraints: Constraints;
  /** From the simplest to the most involved. */
  readonly strategies: readonly Pick<StrategyTraits, 'name' | 'isolation'>[];
}

/** A cell that may be chosen. */
export interface Candidate {
  readonly cell: Rated;
  /** Against the best candidate; null for itself. */
  readonly difference: Difference | null;
  /** What a new run's rate may be expected to be. */
  readonly rate: NewRun;
}

export interface Decision {
  /** The highest rate among those that keep to the constraints. */
  readonly best: Rated;
  /** The simplest of those that are as good as the best. */
  readonly choice: Rated;
  /** Cells that nothing tells from the best, itself included, the fastest first. */
  readonly tied: readonly Candidate[];
  /** Cells that keep to the constraints and are slower, the fastest first. */
  readonly slower: readonly Candidate[];
  readonly disqualified: readonly { readonly cell: SummaryRow; readonly reason: string }[];
  /** The share of the rate that the choice may cost against the best there is, at 95 %; null where nothing tells. */
  readonly regretBound: number | null;
  /** What a new run's rate may be expected to be. */
  readonly rate: NewRun;
  /** What workers wait at the end of a run for the last document, mean over them, milliseconds; null where it is not known. */
  readonly endMs: number | null;
  /** Against `sequential`, paired by block; null without it. */
  readonly speedup: {
    readonly ratio: number;
    readonly low: number | null;
    readonly high: number | null;
  } | null;
  /** Blocks in which the choice was measured. */
  readonly blocks: number;
}

/** Why there is no choice: each cell and what it breaks. */
export interface NoChoice {
  readonly disqualified: readonly { readonly cell: SummaryRow; readonly reason: string }[];
  /** The loop delay of these must be measured first, the fastest first. */
  readonly untested: readonly SummaryRow[];
}

export type Decided = ({ readonly state: 'chosen' } & Decision) | ({ readonly state: 'none' } & NoChoice);

/** Which cell to use under the constraints, by what was measured. */
export function decide(options: DecideOptions): Decided {
  const { trials, summaries, responsiveness, constraints, strategies } = options;
  const isolationOf = (name: string) =>
    strategies.find((strategy) => strategy.name === name)?.isolation ?? 'none';
  const reasons = new Map<SummaryRow, string>();
  for (const cell of summaries) {
    const reason = hasRate(cell)
      ? violation(cell, { isolation: isolationOf(cell.strategy) }, constraints)
      : 'no trial of it was valid';
    const wrong = cell.digest_matches === false ? 'its results are not those of sequential' : reason;
    if (wrong !== null) reasons.set(cell, wrong);
  }
  const evidence = new Evidence(scores(trials, summaries, constraints.batch));
  const rest = summaries.filter((cell) => !reasons.has(cell)).filter(hasRate);
  const untested: Rated[] = [];
  for (const cell of rest) {
    const delay = loopViolation(cell, responsiveness, constraints);
    if (delay === 'untested') untested.push(cell);
    else if (delay !== null) reasons.set(cell, delay);
  }
  const candidates = rest.filter((cell) => !reasons.has(cell) && !untested.includes(cell));
  if (candidates.length === 0)
    return { state: 'none', disqualified: entries(reasons), untested: byRate(untested, evidence) };
  for (const cell of untested) reasons.set(cell, 'loop delay: not measured');
  return { state: 'chosen', ...choose(candidates, { ...options, evidence }), disqualified: entries(reasons) };
}

/** Names a cell within its family. */
export function armName({
  strategy,
  workers,
  delivery,
}: Pick<TrialRow, 'strategy' | 'workers' | 'delivery'>): string {
  return `${strategy} ${workers} ${delivery}`;
}

function entries(reasons: ReadonlyMap<SummaryRow, string>): NoChoice['disqualified'] {
  return [...reasons].map(([cell, reason]) => ({ cell, reason }));
}

/**
 * Logarithms of rates. With a batch, of the rate over its whole time, the median start of the cell included.
 * @param summaries of the same trials
 */
export function scores(trials: readonly TrialRow[], summaries: readonly SummaryRow[], batch: number | null) {
  return trials
    .filter(({ twin }) => twin === null)
    .filter(valid)
    .map((trial) => {
      const startMs = summaries.find((cell) => sameCell(cell, trial))?.startup_ms ?? 0;
      const seconds = batch === null ? 0 : startMs / 1000 / batch;
      return {
        arm: armName(trial),
        block: trial.round,
        log: -Math.log(1 / trial.documents_per_second + seconds),
      };
    });
}

type Against = DecideOptions & { readonly evidence: Evidence };

function byRate(cells: readonly Rated[], evidence: Evidence): Rated[] {
  const left = [...cells];
  const ordered: Rated[] = [];
  while (left.length > 0) {
    const best = evidence.best(left.map(armName));
    ordered.push(
      ...left.splice(
        left.findIndex((cell) => armName(cell) === best),
        1,
      ),
    );
  }
  return ordered;
}

function choose(
  cells: readonly Rated[],
  { evidence, trials, strategies }: Against,
): Omit<Decision, 'disqualified'> {
  const ordered = byRate(cells, evidence);
  const [best] = ordered as [Rated, ...Rated[]];
  const alpha = significance / Math.max(1, cells.length - 1);
  const rateOf = (cell: Rated) =>
    newRun(trials.filter((trial) => sameCell(trial, cell) && trial.twin === null));
  const candidates = ordered.map(
    (cell): Candidate => ({
      cell,
      difference: cell === best ? null : evidence.difference(armName(cell), armName(best)),
      rate: rateOf(cell),
    }),
  );
  const isTied = ({ difference }: Candidate) => difference === null || upper(difference, alpha) >= 0;
  const tied = candidates.filter(isTied);
  const finalists = tied.filter(
    ({ cell, difference }) =>
      difference === null ||
      (difference.mean > -practicalMargin &&
        2 * evidence.blocks(armName(cell)) >= evidence.blocks(armName(best))),
  );
  const choice = finalists
    .map(({ cell }) => cell)
    .sort(simplestFirst(strategies.map(({ name }) => name)))[0] as Rated;
  return {
    best,
    choice,
    tied,
    slower: candidates.filter((candidate) => !isTied(candidate)),
    regretBound: regretBound(choice, tied, evidence),
    rate: rateOf(choice),
    endMs: endMsOf(choice, trials),
    speedup: speedupOf(choice, trials),
    blocks: evidence.blocks(armName(choice)),
  };
}

/** The upper end over all that are not shown to be slower, each at its share of 5 %. */
function regretBound(choice: Rated, tied: readonly Candidate[], evidence: Evidence): number | null {
  const others = tied.filter(({ cell }) => cell !== choice);
  const bounds = others.map(({ cell }) => {
    const difference = evidence.difference(armName(cell), armName(choice));
    return difference === null ? Number.POSITIVE_INFINITY : upper(difference, significance / others.length);
  });
  const worst = Math.max(0, ...bounds);
  return Number.isFinite(worst) ? 1 - Math.exp(-worst) : null;
}

/** Of one pass, by all trials. */
function endMsOf(cell: Rated, trials: readonly TrialRow[]): number | null {
  const ends = trials
    .filter((trial) => sameCell(trial, cell))
    .filter(valid)
    .map(({ end_idle_ms, passes }) =>
      end_idle_ms === null || passes === null ? null : end_idle_ms / passes,
    );
  const known = ends.filter((ms) => ms !== null);
  return known.length === 0 ? null : mean(known);
}

/** By the evidence of all blocks, so that few blocks of `sequential` are not few alone. */
function speedupOf(choice: Rated, trials: readonly TrialRow[]): Decision['speedup'] {
  const sequential = trials.find(({ strategy, twin }) => strategy === 'sequential' && twin === null);
  if (sequential === undefined) return null;
  const plain = new Evidence(scores(trials, [], null));
  const difference = plain.difference(armName(choice), armName(sequential));
  if (difference === null) return null;
  const ends = interval(difference);
  return {
    ratio: Math.exp(difference.mean),
    low: ends && Math.exp(ends.low),
    high: ends && Math.exp(ends.high),
  };
}

/** "0.93× (0.90–0.96)" */
export function against(difference: Difference): string {
  const ends = interval(difference);
  const range = ends === null ? '' : ` (${number(Math.exp(ends.low))}–${number(Math.exp(ends.high))})`;
  return `${ratio(Math.exp(difference.mean))}${range}`;
}
