import type { SummaryRow, TrialRow } from '../results/columns.js';
import type { Environment } from '../results/environment.js';
import { summarise } from '../results/summarise.js';
import { type Conclusion, conclude } from './conclude.js';

/** What a run's trials come to: everything that is said of it, computed from the trials and the environment alone. */
export interface Findings {
  readonly environment: Environment;
  readonly trials: readonly TrialRow[];
  readonly summaries: readonly SummaryRow[];
  readonly conclusions: readonly Conclusion[];
  /** Whether every planned round was measured to its end. */
  readonly complete: boolean;
}

/** A strategy as far as findings need to know it; in the order of tables and legends. */
export interface StrategyTraits {
  readonly name: string;
  readonly isolation: 'none' | 'thread' | 'process';
}

export function findings(
  trials: readonly TrialRow[],
  options: { environment: Environment; strategies: readonly StrategyTraits[] },
): Findings {
  const { environment, strategies } = options;
  const { corpora, cores } = environment;
  const cells = trials.filter(({ twin }) => twin === null);
  const summaries = summarise(cells, { effectiveCores: cores.effective, corpora, strategies: strategies.map(({ name }) => name) });
  const conclusions = conclude(summaries, cells, { simplest: simplestFirst(strategies) });
  return { environment, trials, summaries, conclusions, complete: isComplete(trials, environment) };
}

/** The last round that was begun has all its trials, and there are as many rounds as were asked for at least. */
function isComplete(trials: readonly TrialRow[], { plan }: Environment): boolean {
  const last = Math.max(0, ...trials.map(({ round }) => round));
  const turns = new Set(trials.filter(({ round, attempt }) => round === last && attempt === 1).map(({ order }) => order));
  return last >= plan.rounds_least && turns.size === plan.trials_per_round;
}

/** What isolates less is simpler to run; of equals, the one that stands first in the list. */
function simplestFirst(strategies: readonly StrategyTraits[]): string[] {
  const rank = { none: 0, thread: 1, process: 2 };
  return [...strategies].sort((a, b) => rank[a.isolation] - rank[b.isolation]).map(({ name }) => name);
}
