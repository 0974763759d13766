import type { TrialRow } from '../tables/columns.js';
import type { Enough } from '../tables/enough.js';
import { type Cell, estimateTrialMs, roundOrder, type Timing } from './plan.js';
import type { Place } from './trial.js';

/** What one invocation measures: every cell once a round, a round after the other. */
export interface RunOptions {
  readonly runId: string;
  readonly cells: readonly Cell[];
  /** Cells that are measured twice a round: the A/A test that every run carries. */
  readonly twins: readonly Cell[];
  readonly rounds: { readonly min: number; readonly max: number };
  /** No round begins that is not expected to end by then, milliseconds from now; null: no limit. */
  readonly budgetMs: number | null;
  /** Trials of an earlier invocation that are not measured again. */
  readonly finished: readonly TrialRow[];
  /** Whether the run may end after this round, and what speaks against it. */
  readonly enough: (round: number) => Enough;
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

/** How a run ended: as planned, or told to stop; and what it did not reach. */
export interface Ending {
  readonly complete: boolean;
  readonly unmet: readonly string[];
}

export interface Progress {
  start(plan: { trials: number; estimateMs: number }): void;
  trial(trial: TrialRow, state: { done: number; trials: number; rounds: number; leftMs: number }): void;
  /** For a word in between; afterwards there may be no more progress to see. */
  say(text: string): void;
  stop(): void;
}

export function estimateRoundMs({
  cells,
  twins,
  timing,
  cores,
}: Pick<RunOptions, 'cells' | 'twins' | 'timing' | 'cores'>): number {
  return [...cells, ...twins].reduce((sum, cell) => sum + estimateTrialMs(cell, timing, cores), 0);
}

/** Runs rounds until the plan, the stop rule, the budget or the signal ends them. */
export async function runRounds(options: RunOptions): Promise<Ending> {
  const { rounds, progress, signal } = options;
  const roundMs = estimateRoundMs(options);
  const trials = (options.cells.length + options.twins.length) * rounds.max;
  const pace = new Pace(rounds.max * roundMs, trials);
  progress.start({ trials, estimateMs: rounds.max * roundMs });
  try {
    for (let round = 1; round <= rounds.max; round++) {
      if (options.budgetMs !== null && pace.elapsedMs + roundMs > options.budgetMs) {
        return {
          complete: true,
          unmet: [
            `the budget ended the run after ${round - 1} of ${rounds.max} rounds`,
            ...options.enough(round - 1).unmet,
          ],
        };
      }
      if (!(await runRound(options, round, pace))) return { complete: false, unmet: [] };
      const { stop, unmet } = options.enough(round);
      if (round >= rounds.min && (stop || round === rounds.max))
        return { complete: true, unmet: rounds.min < rounds.max ? unmet : [] };
    }
    return { complete: !signal.aborted, unmet: [] };
  } finally {
    progress.stop();
  }
}

/**
 * Measures one round, within which cells are compared. A void trial is repeated at the end of the round. Where every
 * repetition is void as well, the least disturbed one counts and is marked busy.
 * @returns false when it was told to stop.
 */
async function runRound(options: RunOptions, round: number, pace: Pace): Promise<boolean> {
  const { cells, twins, seed, runId, signal, finished, keep } = options;
  const queue = roundOrder([...cells.map(ordinary), ...twins.map(twinOf)], { seed, round });
  const before = finished.filter((trial) => trial.round === round);
  // Void trials are appended while the round goes on.
  for (let order = 1; order <= queue.length; order++) {
    if (signal.aborted) return false;
    const turn = queue[order - 1] as Turn;
    const earlier = before.filter((trial) => trial.order === order);
    const trial =
      earlier.at(-1) ??
      (await options.measure(turn.cell, { runId, round, order, twin: turn.twin, attempt: turn.attempt }));
    // A trial that was killed from the keyboard says nothing of its strategy.
    if (trial.status === 'failed' && signal.aborted && earlier.length === 0) return false;
    if (earlier.length === 0) keep(trial);
    const expectedMs = estimateTrialMs(turn.cell, options.timing, options.cores);
    const again = isVoid(trial) && turn.attempt < maxAttempts && pace.hasTimeFor(expectedMs);
    if (isVoid(trial)) {
      const disturbed = [...turn.disturbed, trial];
      if (again) queue.push({ ...turn, attempt: turn.attempt + 1, disturbed });
      else keep(withLeastNoise(disturbed, { order, attempt: turn.attempt }));
    }
    if (earlier.length > 0) {
      pace.skip(expectedMs, { done: !again });
      continue;
    }
    pace.spend(expectedMs, { done: !again });
    options.progress.trial(trial, {
      done: pace.done,
      trials: pace.trials,
      rounds: options.rounds.max,
      leftMs: pace.leftMs,
    });
  }
  return true;
}

type VoidTrial = Extract<TrialRow, { readonly status: 'void' }>;

/** A cell's turn in a round. */
interface Turn {
  readonly cell: Cell;
  readonly twin: 'A/A' | null;
  readonly attempt: number;
  /** The void trials that the cell had in this round. */
  readonly disturbed: readonly VoidTrial[];
}

/** A void trial is repeated twice. */
const maxAttempts = 3;
/** Repetitions may lengthen a run to this many times its planned time. */
const maxLengthening = 1.5;

const ordinary = (cell: Cell): Turn => ({ cell, twin: null, attempt: 1, disturbed: [] });
const twinOf = (cell: Cell): Turn => ({ cell, twin: 'A/A', attempt: 1, disturbed: [] });

function isVoid(trial: TrialRow): trial is VoidTrial {
  return trial.status === 'void';
}

/** @returns the trial that others disturbed least, as one that counts, in the place of the last attempt */
function withLeastNoise(
  disturbed: readonly VoidTrial[],
  place: { readonly order: number; readonly attempt: number },
): TrialRow {
  const noise = ({ noise_swap_pages, noise_steal_percent, noise_others_percent }: VoidTrial) =>
    (noise_swap_pages ?? 0) > 0 ? 100 : (noise_steal_percent ?? 0) + (noise_others_percent ?? 0);
  const calmest = disturbed.reduce((a, b) => (noise(b) < noise(a) ? b : a));
  return { ...calmest, ...place, status: 'ok', reason: null, busy: true };
}

/** How much is done and how much time is left: the estimate, corrected by how it has held so far. */
class Pace {
  readonly trials: number;
  done = 0;
  readonly #startedMs = performance.now();
  /** Time for the whole plan, without what an earlier invocation has measured. */
  #plannedMs: number;
  /** The part of the plan that is done, and all that was measured, repetitions included; both by estimate. */
  #doneMs = 0;
  #measuredMs = 0;

  constructor(plannedMs: number, trials: number) {
    this.#plannedMs = plannedMs;
    this.trials = trials;
  }

  /** Counts a trial that an earlier invocation measured, which shows nothing about the pace. */
  skip(expectedMs: number, { done }: { readonly done: boolean }): void {
    if (!done) return;
    this.#plannedMs -= expectedMs;
    this.done++;
  }

  spend(expectedMs: number, { done }: { readonly done: boolean }): void {
    this.#measuredMs += expectedMs;
    if (!done) return;
    this.#doneMs += expectedMs;
    this.done++;
  }

  /** Whether a repetition leaves the run within its planned time and half of it again. */
  hasTimeFor(expectedMs: number): boolean {
    return this.elapsedMs + this.leftMs + expectedMs * this.#slowness <= maxLengthening * this.#plannedMs;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  get leftMs(): number {
    return Math.max(0, this.#plannedMs - this.#doneMs) * this.#slowness;
  }

  /** Time that trials took ÷ time that they were expected to take. */
  get #slowness(): number {
    return this.#measuredMs === 0 ? 1 : this.elapsedMs / this.#measuredMs;
  }
}
