import { type Cell, estimateTrialMs, roundOrder, type Timing } from './plan.js';
import type { TrialRow } from './results/columns.js';
import type { Place } from './trial.js';

/** What one invocation measures: every cell once a round, a round after the other. */
export interface RunOptions {
  readonly runId: string;
  readonly cells: readonly Cell[];
  /** Cells that are measured twice a round: the A/A test that every run carries. */
  readonly twins: readonly Cell[];
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
  /** For a word in between; afterwards there may be no more progress to see. */
  say(text: string): void;
  stop(): void;
}

export function estimateRunMs({
  cells,
  twins,
  rounds,
  timing,
  cores,
}: Pick<RunOptions, 'cells' | 'twins' | 'rounds' | 'timing' | 'cores'>): number {
  return rounds * [...cells, ...twins].reduce((sum, cell) => sum + estimateTrialMs(cell, timing, cores), 0);
}

/** @returns whether all planned trials were measured. */
export async function runRounds(options: RunOptions): Promise<boolean> {
  const { cells, twins, rounds, seed, runId, progress, signal } = options;
  const trials = (cells.length + twins.length) * rounds;
  const estimateMs = estimateRunMs(options);
  const pace = new Pace(estimateMs);
  let done = 0;
  progress.start({ trials, estimateMs });
  try {
    for (let round = 1; round <= rounds; round++) {
      const queue: Turn[] = roundOrder([...cells.map(ordinary), ...twins.map(twinOf)], { seed, round });
      // Void trials are appended while the round goes on.
      for (let order = 1; order <= queue.length; order++) {
        if (signal.aborted) return false;
        const turn = queue[order - 1] as Turn;
        const { cell, twin, attempt } = turn;
        const trial = await options.measure(cell, { runId, round, order, twin, attempt });
        // A trial that was killed from the keyboard says nothing of its strategy.
        if (trial.status === 'failed' && signal.aborted) return false;
        options.keep(trial);
        if (trial.status === 'void' && attempt < mostAttempts) queue.push({ ...turn, attempt: attempt + 1 });
        else done++;
        pace.spend(estimateTrialMs(cell, options.timing, options.cores));
        progress.trial(trial, { done, trials, rounds, leftMs: pace.leftMs });
      }
    }
    return true;
  } finally {
    progress.stop();
  }
}

/** A cell's turn in a round. */
interface Turn {
  readonly cell: Cell;
  readonly twin: 'A/A' | null;
  readonly attempt: number;
}

/** A void trial is repeated twice at most. */
const mostAttempts = 3;

const ordinary = (cell: Cell): Turn => ({ cell, twin: null, attempt: 1 });
const twinOf = (cell: Cell): Turn => ({ cell, twin: 'A/A', attempt: 1 });

/** How much time is left: the estimate, corrected by how it has held so far. */
class Pace {
  readonly #startedMs = performance.now();
  readonly #estimateMs: number;
  #spentMs = 0;

  constructor(estimateMs: number) {
    this.#estimateMs = estimateMs;
  }

  spend(expectedMs: number): void {
    this.#spentMs += expectedMs;
  }

  get leftMs(): number {
    return (Math.max(0, this.#estimateMs - this.#spentMs) * (performance.now() - this.#startedMs)) / this.#spentMs;
  }
}
