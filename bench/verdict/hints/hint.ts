import type { ComparisonRow } from '../../tables/comparison-columns.js';
import type { Environment } from '../../tables/environment.js';
import type { HintRow } from '../../tables/situation-columns.js';
import type { SummaryRow } from '../../tables/summary-columns.js';
import type { TrialRow } from '../../tables/trial-columns.js';
import type { Conclusion } from '../conclude.js';
import type { Traits } from '../configurations.js';

/** How a run ended. Only a signal or a crash ends it within a round; its budget may end it between rounds. */
export type Ending = 'complete' | 'between rounds' | 'within a round';

/** Everything that a hint may look at. */
export interface HintData {
  readonly environment: Environment;
  readonly strategies: readonly Traits[];
  readonly trials: readonly TrialRow[];
  readonly summaries: readonly SummaryRow[];
  readonly comparisons: readonly ComparisonRow[];
  readonly conclusions: readonly Conclusion[];
  readonly ending: Ending;
}

/** A rule returns a hint for each thing that it finds. */
export type Rule = (data: HintData) => HintRow[];

/** Every hint there is, and when it appears. The names are stable. */
export const hintNames = {
  interrupted: 'the run was stopped before its end, by a signal or by its budget',
  busy: 'other processes disturbed trials that had to be kept; the run only suggests',
  'failed-trials': 'a strategy failed, or its results differed',
  'failed-documents': 'the task itself failed on some documents',
  'not-deterministic': 'the task gives different results for the same document',
  'throttled-trials': 'a CPU quota stopped trials',
  'void-trials':
    'something else disturbed trials, which were repeated or had to be kept; a warning above one in ten',
  drift: 'rates changed by more than 3 % from the first round to the last',
  'noise-floor': 'a cell differs from itself so much that the margin is wider than 3 %',
  'no-baseline': '`sequential` has no valid trial somewhere',
  'few-rounds': 'the profile makes no verdicts',
  inconclusive: 'comparisons with the fastest that more rounds may settle',
  'narrow-corpus': 'documents of one size only',
  'more-workers-untried': 'the choice gains up to the largest number of workers that was measured',
  'beyond-cores':
    'work that computes is faster than its cores allow, for no known cause; that is not suggested',
  'kernel-time':
    'work that computes is faster than its cores allow, because `sequential` spends more time in the kernel',
  'quota-below-cores': 'the CPU quota is less than the cores that Node sees',
  'one-core': 'work that computes on less than two effective cores',
  'node-end-of-life': 'the Node that was measured gets no more security fixes',
  'nested-pool': 'the task has threads or processes of its own, which every worker opens again',
  'still-warming': 'rates still rose by more than 3 % within the trials',
  'cold-code': 'the task needs a longer warm-up than its trials had, so its rates are too low',
  'promises-are-not-parallel':
    'a strategy without threads of its own gains less than 5 % on work that computes',
} as const;

export type HintName = keyof typeof hintNames;

/** The figures need care. */
export function warning(id: HintName, text: string, remedy: string): HintRow {
  return { id, level: 'warning', text, remedy };
}

/** The reader should know this; the figures are right. */
export function note(id: HintName, text: string, remedy: string): HintRow {
  return { id, level: 'note', text, remedy };
}
