import type { TrialRow } from '../../tables/trial-columns.js';
import type { Timing } from '../../trials/timing.js';
import type { Configuration } from '../configurations.js';
import type { RaceTiming } from './timings.js';

/** A race needs its configurations, its time, and the functions that measure and report. */
export interface RaceOptions {
  readonly configurations: readonly Configuration[];
  /**
   * The name of the configuration that others are compared with; it stays in the race unless it is too
   * expensive.
   */
  readonly baseline: string;
  /** Milliseconds on `clock` at which the race must be over. */
  readonly untilMs: number;
  readonly clock: () => number;
  /** The task is called no more often than this; absent: as often as the time allows. */
  readonly maxCalls?: number;
  readonly cores: number;
  readonly seed: number;
  readonly timing: RaceTiming;
  /**
   * Documents per second that the choice must keep up with, on the fewest cores: configurations that do are
   * not dropped for being slower than another. Absent: the highest rate wins.
   */
  readonly demandPerSecond?: number | undefined;
  readonly measure: (configuration: Configuration, turn: Turn) => Promise<TrialRow>;
  /** Called with every trial as soon as it has ended. */
  readonly keep: (trial: TrialRow) => void;
  /**
   * Reports the configurations that were measured to break a constraint, by name: they leave whatever their
   * rate.
   */
  readonly violations: (
    trials: readonly TrialRow[],
    running: readonly Configuration[],
  ) => Promise<ReadonlyMap<string, string>>;
  readonly say: (event: RaceEvent) => void;
  readonly signal: AbortSignal;
}

/** A configuration that the race has no trial of. */
export interface NotMeasured {
  readonly configuration: Configuration;
  readonly reason: string;
}

/** Says where in the race a trial is. */
export interface Turn {
  readonly block: number;
  readonly order: number;
  readonly timing: Timing;
  /** A trial that takes longer is ended and has failed: its configuration does not answer. */
  readonly timeoutMs: number;
}

export type RaceEvent =
  | { readonly kind: 'trial'; readonly trial: TrialRow; readonly left: number; readonly block: number }
  | {
      readonly kind: 'block';
      readonly block: number;
      readonly left: readonly string[];
      readonly final: boolean;
    };
