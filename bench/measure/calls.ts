import { UsageError } from '../errors.js';
import type { Cell, PreparedWorkload } from '../trials/plan.js';
import { estimatePassMs, type Timing, warmupDocuments } from '../trials/timing.js';

/** Counts how often the task is called, which costs money where it calls a paid service. */

/** Passes may be this many times as fast as expected. */
const maxFaster = 2;

/** The timed passes of a trial are at most these. A trial of which calls are counted makes no more. */
export function maxPasses(cell: Cell, { timeMs }: Timing, cores: number): number {
  const passMs = Math.max(estimatePassMs(cell, cores), 1);
  return Math.max(1, Math.ceil((maxFaster * timeMs) / passMs));
}

/**
 * Returns how often the task is called in a trial at most: in the warm-up, the passes, and a pass that is
 * checked.
 * @param at.passes the number of passes, where it is known; absent: all that the trial may make
 */
export function callsOf(
  cell: Cell,
  timing: Timing,
  at: { readonly cores: number; readonly round: number; readonly passes?: number | null | undefined },
): number {
  const passes = (at.passes ?? maxPasses(cell, timing, at.cores)) + (at.round === 1 ? 1 : 0);
  return warmupDocuments(cell, timing) + passes * cell.corpus.documents;
}

/** What is measured, as far as calls depend on it. */
export interface CountedPlan {
  readonly prepared: readonly PreparedWorkload[];
  readonly cells: readonly Cell[];
  readonly twins: readonly Cell[];
  readonly timing: Timing;
  readonly cores: number;
}

/** Preparing runs each document once, and up to two times more for the task's kind, stages and findings. */
const preparing = 3;

/** The tasks are called at most this often: while the run is prepared, and in this number of rounds. */
export function callsOfRounds(
  { prepared, cells, twins, timing, cores }: CountedPlan,
  rounds: number,
): number {
  const documents = prepared.flatMap(({ corpora }) => corpora.map(({ documents }) => documents));
  const inRound = (round: number) =>
    [...cells, ...twins].reduce((sum, cell) => sum + callsOf(cell, timing, { cores, round }), 0);
  const later = rounds > 1 ? (rounds - 1) * inRound(2) : 0;
  return preparing * documents.reduce((sum, count) => sum + count, 0) + inRound(1) + later;
}

/**
 * Trims the number of rounds, so that tasks are called no more often than allowed.
 * @throws UsageError when not even one round is
 */
export function roundsWithin(
  plan: CountedPlan,
  { rounds, maxCalls }: { readonly rounds: { min: number; max: number }; readonly maxCalls: number | null },
): { readonly min: number; readonly max: number } {
  if (maxCalls === null) return rounds;
  let max = rounds.max;
  while (max > 0 && callsOfRounds(plan, max) > maxCalls) max--;
  if (max === 0)
    throw new UsageError(
      `--max-calls: one round of this plan calls the task up to ${callsOfRounds(plan, 1)} times, got ` +
        `${maxCalls}; allow more calls, or measure fewer documents, strategies or numbers of workers`,
    );
  return { min: Math.min(rounds.min, max), max };
}
