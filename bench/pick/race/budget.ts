import { estimateTrialMs, type Timing } from '../../trials/plan.js';
import { type Configuration, final } from '../configurations.js';

/** Blocks that the finalists get if the time allows. */
export const finalBlocksWanted = 10;
const maxFinalists = 5;
/** Share of the remaining time that the finalists may be expected to take; the rest is for the baseline. */
const finalShare = 0.7;

export interface BudgetOptions {
  /** Milliseconds on `clock` at which the race must be over. */
  readonly untilMs: number;
  readonly clock: () => number;
  readonly cores: number;
}

/**
 * The time that is left, and what trials take of it: estimated, corrected by what earlier trials really took.
 */
export class Budget {
  readonly #options: BudgetOptions;
  #spentMs = 0;
  #expectedMs = 0;

  constructor(options: BudgetOptions) {
    this.#options = options;
  }

  get leftMs(): number {
    return this.#options.untilMs - this.#options.clock();
  }

  /** Learns from a trial that began at `startedMs` and has just ended. */
  spent(configuration: Configuration, { startedMs, timing }: { startedMs: number; timing: Timing }): void {
    this.#spentMs += this.#options.clock() - startedMs;
    this.#expectedMs += estimateTrialMs(configuration.cell, timing, this.#options.cores);
  }

  trialMs({ cell }: Configuration, timing: Timing): number {
    const pace = this.#expectedMs > 0 ? this.#spentMs / this.#expectedMs : 1;
    return estimateTrialMs(cell, timing, this.#options.cores) * pace;
  }

  /** Estimates the time that one trial of each of them takes. */
  blockMs(configurations: readonly Configuration[], timing: Timing): number {
    return configurations.reduce((sum, configuration) => sum + this.trialMs(configuration, timing), 0);
  }

  /** How many finalists there is time for; at least two. Slow configurations count with what they cost. */
  places(running: readonly Configuration[]): number {
    const meanMs = this.blockMs(running, final) / running.length;
    const fitting = Math.floor((finalShare * this.leftMs) / (finalBlocksWanted * meanMs));
    return Math.max(2, Math.min(maxFinalists, fitting));
  }
}
