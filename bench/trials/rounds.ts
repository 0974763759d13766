import type { Enough } from '../tables/enough.js';
import type { Environment } from '../tables/environment.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { counted } from '../words/units.js';
import { type Cell, roundOrder } from './plan.js';
import type { Profile } from './profiles.js';
import { estimateTrialMs, type Timing } from './timing.js';
import type { Place } from './trial.js';

/** Options of one invocation. It measures every cell once per round, one round after the other. */
export interface RunOptions {
  readonly runId: string;
  readonly cells: readonly Cell[];
  /** Cells that are measured twice per round, for the A/A test that every run includes. */
  readonly twins: readonly Cell[];
  readonly rounds: { readonly min: number; readonly max: number };
  /** A round starts only if it is expected to end by then, milliseconds from now; null: no limit. */
  readonly budgetMs: number | null;
  /** Trials of an earlier invocation, which are not measured again. */
  readonly finished: readonly TrialRow[];
  /** Tells if the run may end after this round, and which of its goals are not met yet. */
  readonly enough: (round: number) => Enough;
  /** How often a cell may be measured in a round while its trials are void. */
  readonly maxAttempts: number;
  readonly seed: number;
  readonly timing: Timing;
  readonly cores: number;
  /** Measures one cell. If that fails, the failure is the row that is returned. */
  readonly measure: (cell: Cell, place: Place) => Promise<TrialRow>;
  /**
   * Called with every trial as soon as it is measured.
   * @throws RunError if the trial cannot be saved
   */
  readonly keep: (trial: TrialRow) => void;
  readonly progress: Progress;
  /** Ends the run after the trial that is in progress. */
  readonly signal: AbortSignal;
}

/** How a run ended: as planned or stopped, and which of its goals it did not reach. */
export interface Ending {
  readonly complete: boolean;
  readonly unmet: readonly string[];
}

export interface Progress {
  start(plan: { trials: number; estimateMs: number }): void;
  trial(trial: TrialRow, state: { done: number; trials: number; rounds: number; leftMs: number }): void;
  /** Prints a line in between. Afterwards the progress may no longer be visible. */
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

/**
 * Returns the longest timing of the profile with which all rounds fit in its time. Where a task is slow to
 * warm up, the time is longer (`slow`).
 */
export function timingOf(
  { timeMs, warmupMs, longer, slow }: Pick<Profile, 'timeMs' | 'warmupMs' | 'longer' | 'slow'>,
  { rounds, ...plan }: Pick<RunOptions, 'cells' | 'twins' | 'cores'> & { readonly rounds: number },
): Timing {
  const usual = { timeMs, warmupMs };
  const timings = [...(longer?.timings ?? []), usual];
  const isBelow = (ms: number) => (timing: Timing) => rounds * estimateRoundMs({ ...plan, timing }) < ms;
  const isSlow = plan.cells.some(({ corpus: { neededWarmupMs = 0 } }) => neededWarmupMs > warmupMs);
  if (!isSlow || slow === undefined) return timings.find(isBelow(longer?.belowMs ?? 0)) ?? usual;
  // A longer warm-up is worth more than a longer clock.
  const all = slow.warmupsMs.flatMap((slowWarmupMs) => timings.map((one) => ({ ...one, slowWarmupMs })));
  return all.find(isBelow(slow.belowMs)) ?? (all.at(-1) as Timing);
}

/** Returns the timing that an earlier part of the run had. */
export function recordedTiming({ plan }: Environment, { timeMs, warmupMs }: Profile): Timing {
  const { time_ms = timeMs, warmup_ms = warmupMs, slow_warmup_ms: slowWarmupMs } = plan;
  return { timeMs: time_ms, warmupMs: warmup_ms, ...(slowWarmupMs !== undefined && { slowWarmupMs }) };
}

/** Runs rounds until the plan, the stop rule, the budget or the signal ends the run. */
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
            `the budget ended the run after ${round - 1} of ${counted(rounds.max, 'round')}`,
            ...options.enough(round - 1).unmet,
          ],
        };
      }
      const end = await runRound(options, round, pace);
      if (end === 'stopped') return { complete: false, unmet: [] };
      // A task that answers differently each time, for example, does so in every round.
      if (end === 'failed' && round === 1)
        return { complete: true, unmet: ['every trial of the first round failed, so the run ended there'] };
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
 * Measures one round. Cells are compared only within a round. A void trial is repeated at the end of the
 * round. If every repetition is void too, the trial with the least noise counts, and it is marked as busy.
 * @returns `stopped` by the signal, or `failed` if every trial has
 */
async function runRound(
  options: RunOptions,
  round: number,
  pace: Pace,
): Promise<'stopped' | 'failed' | 'measured'> {
  const { cells, twins, seed, runId, signal, finished, keep } = options;
  const queue = roundOrder([...cells.map(ordinary), ...twins.map(twinOf)], { seed, round });
  const before = finished.filter((trial) => trial.round === round);
  let end: 'failed' | 'measured' = 'failed';
  // Void trials are appended to the queue while the round is running.
  for (let order = 1; order <= queue.length; order++) {
    if (signal.aborted) return 'stopped';
    const turn = queue[order - 1] as Turn;
    const earlier = before.filter((trial) => trial.order === order);
    const place = { runId, round, order, twin: turn.twin, attempt: turn.attempt };
    const measured = earlier.at(-1) ?? (await options.measure(turn.cell, place));
    // Where nothing is repeated, a disturbed trial counts at once.
    const trial =
      isVoid(measured) && options.maxAttempts === 1 ? withLeastNoise([measured], place) : measured;
    // A trial that was killed from the keyboard says nothing about its strategy.
    if (trial.status === 'failed' && signal.aborted && earlier.length === 0) return 'stopped';
    if (trial.status !== 'failed') end = 'measured';
    if (earlier.length === 0) keep(trial);
    const expectedMs = estimateTrialMs(turn.cell, options.timing, options.cores);
    const again = isVoid(trial) && turn.attempt < options.maxAttempts && pace.hasTimeFor(expectedMs);
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
  return end;
}

type VoidTrial = Extract<TrialRow, { readonly status: 'void' }>;

/** A turn is one measurement of a cell in a round. */
interface Turn {
  readonly cell: Cell;
  readonly twin: 'A/A' | null;
  readonly attempt: number;
  /** The void trials that this cell already had in this round. */
  readonly disturbed: readonly VoidTrial[];
}

/** Repetitions may lengthen a run to this multiple of its planned time. */
const maxLengthening = 1.5;

const ordinary = (cell: Cell): Turn => ({ cell, twin: null, attempt: 1, disturbed: [] });
const twinOf = (cell: Cell): Turn => ({ cell, twin: 'A/A', attempt: 1, disturbed: [] });

function isVoid(trial: TrialRow): trial is VoidTrial {
  return trial.status === 'void';
}

/** Picks the void trial with the least noise and makes it count, in the place of the last attempt. */
function withLeastNoise(
  disturbed: readonly VoidTrial[],
  { order, attempt }: { readonly order: number; readonly attempt: number },
): TrialRow {
  const noise = ({ noise_swap_pages, noise_steal_percent, noise_others_percent }: VoidTrial) =>
    (noise_swap_pages ?? 0) > 0 ? 100 : (noise_steal_percent ?? 0) + (noise_others_percent ?? 0);
  const calmest = disturbed.reduce((a, b) => (noise(b) < noise(a) ? b : a));
  return { ...calmest, order, attempt, status: 'ok', reason: null, busy: true };
}

/** Tracks how much is done and how much time is left. The estimate is corrected by its accuracy so far. */
class Pace {
  readonly trials: number;
  done = 0;
  readonly #startedMs = performance.now();
  /** Time for the whole plan, without the trials that an earlier invocation has measured. */
  #plannedMs: number;
  /**
   * Estimated time of the part of the plan that is done, and of all measured trials including repetitions.
   */
  #doneMs = 0;
  #measuredMs = 0;

  constructor(plannedMs: number, trials: number) {
    this.#plannedMs = plannedMs;
    this.trials = trials;
  }

  /** Counts a trial that an earlier invocation measured. It shows nothing about the pace of this one. */
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

  /** Tells if a repetition keeps the run within one and a half times its planned time. */
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
