import { callsOf } from '../../measure/calls.js';
import type { TrialRow } from '../../tables/trial-columns.js';
import { estimateTrialMs, type Timing } from '../../trials/timing.js';
import type { Configuration } from '../configurations.js';
import type { Turn } from './options.js';
import type { RaceTiming } from './timings.js';

/** Blocks that the finalists get if the time allows. */
export const finalBlocksWanted = 10;
const maxFinalists = 5;
/** Share of the remaining time that the finalists may be expected to take; the rest is for the baseline. */
const finalShare = 0.7;
/** In the first block, configurations go without a trial once this share of the race's time is over. */
const maxFirstShare = 0.6;
/** Share of the race's time that the screening should take; many configurations may need more for a block. */
const screeningShare = 0.5;
/** A trial that takes this factor of what was expected, and this much more, does not end by itself. */
const patience = { factor: 8, ms: 3000, endMs: 1000 };

export interface BudgetOptions {
  /** Milliseconds on `clock` at which the race must be over. */
  readonly untilMs: number;
  readonly clock: () => number;
  readonly maxCalls?: number;
  readonly cores: number;
  readonly timing: RaceTiming;
}

/**
 * The time that is left, and what trials take of it: estimated, corrected by what earlier trials really
 * took.
 */
export class Budget {
  readonly #options: BudgetOptions;
  readonly #startedMs: number;
  #spentMs = 0;
  #expectedMs = 0;
  #calls = 0;

  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#startedMs = options.clock();
  }

  get leftMs(): number {
    return this.#options.untilMs - this.#options.clock();
  }

  /**
   * The time left for the first block: rates that were measured once say little, so later blocks need time
   * too, `laterMs` or more.
   */
  firstBlockLeftMs(laterMs: number): number {
    const { minShare } = this.#options.timing.firstBlock;
    return Math.min(this.#leftOf(maxFirstShare), Math.max(this.#leftOf(minShare), this.leftMs - laterMs));
  }

  /** The time left for the screening; below 0 if it has taken more than its share. */
  get screeningLeftMs(): number {
    return this.#leftOf(screeningShare);
  }

  #leftOf(share: number): number {
    return this.leftMs - (1 - share) * (this.#options.untilMs - this.#startedMs);
  }

  /** Learns from a trial that began at `startedMs` and has just ended. */
  spent(configuration: Configuration, { startedMs, timing }: { startedMs: number; timing: Timing }): void {
    this.#spentMs += this.#options.clock() - startedMs;
    this.#expectedMs += estimateTrialMs(configuration.cell, timing, this.#options.cores);
  }

  /** A trial has called the task. One that failed counts with all calls that it may make. */
  called({ cell }: Configuration, { passes }: TrialRow, { timing, block }: Turn): void {
    this.#calls += callsOf(cell, timing, { cores: this.#options.cores, round: block, passes });
  }

  /** Tells whether this many blocks would end in time, and within the calls of the task. */
  hasRoomFor(
    configurations: readonly Configuration[],
    timing: Timing,
    { next, blocks }: { readonly next: number; readonly blocks: number },
  ): boolean {
    if (blocks * this.blockMs(configurations, timing) > this.leftMs) return false;
    return this.hasCallsFor(configurations, timing, { next, blocks });
  }

  /** Tells whether trials of each in this many blocks may still call the task as often as they do at most. */
  hasCallsFor(
    configurations: readonly Configuration[],
    timing: Timing,
    { next, blocks = 1 }: { readonly next: number; readonly blocks?: number },
  ): boolean {
    const { maxCalls = Number.POSITIVE_INFINITY, cores } = this.#options;
    const rounds = Array.from({ length: blocks }, (_, i) => next + i);
    const calls = rounds.flatMap((round) =>
      configurations.map(({ cell }) => callsOf(cell, timing, { cores, round })),
    );
    return this.#calls + calls.reduce((sum, each) => sum + each, 0) <= maxCalls;
  }

  trialMs({ cell }: Configuration, timing: Timing): number {
    const pace = this.#expectedMs > 0 ? this.#spentMs / this.#expectedMs : 1;
    return estimateTrialMs(cell, timing, this.#options.cores) * pace;
  }

  /**
   * How long a trial may take until its configuration counts as one that never answers. It never exceeds
   * the time that is left by more than one trial.
   */
  patienceMs(configuration: Configuration, timing: Timing): number {
    const trialMs = this.trialMs(configuration, timing);
    const usualMs = patience.ms + patience.factor * trialMs;
    return Math.round(Math.min(usualMs, Math.max(0, this.leftMs) + trialMs + patience.endMs));
  }

  /** Estimates the time that one trial of each of them takes. */
  blockMs(configurations: readonly Configuration[], timing: Timing): number {
    return configurations.reduce((sum, configuration) => sum + this.trialMs(configuration, timing), 0);
  }

  /** How many finalists there is time for; at least two. Slow configurations count with what they cost. */
  places(running: readonly Configuration[]): number {
    const meanMs = this.blockMs(running, this.#options.timing.final) / running.length;
    const fitting = Math.floor((finalShare * this.leftMs) / (finalBlocksWanted * meanMs));
    return Math.max(2, Math.min(maxFinalists, fitting));
  }
}
