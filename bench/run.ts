import { type Cell, estimateTrialMs, roundOrder, type Timing } from './plan.js';
import type { TrialRow } from './results/columns.js';
import type { Place } from './trial.js';

/** What one invocation measures: every cell once a round, a round after the other. */
export interface RunOptions {
  readonly runId: string;
  readonly cells: readonly Cell[];
  readonly rounds: number;
  readonly seed: number;
  readonly timing: Timing;
  readonly cores: number;
  /** Measures one cell; a failure is a row. */
  readonly measure: (cell: Cell, place: Place) => Promise<TrialRow>;
  /** Called with every trial as soon as there is one. @throws RunError when it cannot be kept */
  readonly keep: (trial: TrialRow) => void;
  readonly progress: Progress;
  /** Ends the run after the trial that is under way. */
  readonly signal: AbortSignal;
}

export interface Progress {
  start(plan: { trials: number; estimateMs: number }): void;
  trial(trial: TrialRow, state: { done: number; trials: number; rounds: number; leftMs: number }): void;
  stop(): void;
}

export function estimateRunMs({ cells, rounds, timing, cores }: Pick<RunOptions, 'cells' | 'rounds' | 'timing' | 'cores'>): number {
  return rounds * cells.reduce((sum, cell) => sum + estimateTrialMs(cell, timing, cores), 0);
}

/** @returns whether all planned trials were measured. */
export async function runRounds(options: RunOptions): Promise<boolean> {
  const { cells, rounds, seed, runId, progress, signal } = options;
  const trials = cells.length * rounds;
  const estimateMs = estimateRunMs(options);
  const startedMs = performance.now();
  let done = 0;
  let expectedMs = 0;
  progress.start({ trials, estimateMs });
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const [i, cell] of roundOrder(cells, { seed, round }).entries()) {
        if (signal.aborted) return false;
        const trial = await options.measure(cell, { runId, round, order: i + 1 });
        // A trial that was killed from the keyboard says nothing of its strategy.
        if (trial.status === 'failed' && signal.aborted) return false;
        options.keep(trial);
        done++;
        expectedMs += estimateTrialMs(cell, options.timing, options.cores);
        // The estimate, corrected by how it has held so far.
        const leftMs = ((estimateMs - expectedMs) * (performance.now() - startedMs)) / expectedMs;
        progress.trial(trial, { done, trials, rounds, leftMs });
      }
    }
    return true;
  } finally {
    progress.stop();
  }
}
