import type { Cell } from '../../trials/plan.js';
import { estimateTrialMs, type Timing } from '../../trials/timing.js';

/**
 * How long the trials of a race are. A trial starts a process of its own and warms it up, so that a longer
 * clock costs little besides:
 *
 * - A short warm-up ranks configurations wrongly, not only inexactly. Two workers on two cores compile on
 *   these cores as well. Two workers that parse HTML had 0.97 of the rate of `sequential` after a warm-up of
 *   100 ms for each, 1.26 after 200 ms, 1.75 after 300 ms, and 1.73 after 600 ms.
 * - A virtual machine is slower and faster by turns of some tenths of a second. Rates of a second scattered
 *   by 2.5 to 4.1 %, rates of 300 ms by 4.4 to 7.9 %, and a trial took half as much time again.
 */

/** Trials in the screening are short, and longer in the final. */
export interface RaceTiming {
  readonly screening: Timing;
  readonly final: Timing;
}

/** Timings of the screening, the longest first. */
const screenings: readonly Timing[] = [
  { timeMs: 150, warmupMs: 400, maxWarmupMs: 900, screening: true },
  { timeMs: 100, warmupMs: 200, maxWarmupMs: 500, screening: true },
  { timeMs: 80, warmupMs: 100, maxWarmupMs: 300, screening: true },
];
/** Timings of the final, the longest first. */
const finals: readonly Timing[] = [
  { timeMs: 1000, warmupMs: 600, maxWarmupMs: 1400 },
  { timeMs: 300, warmupMs: 600, maxWarmupMs: 1400 },
];
/** Timing for a task that remembers results: one pass without a warm-up, so that no document runs twice. */
const once: Timing = { timeMs: 0, warmupMs: 0 };

export const longest = { screening: screenings[0], final: finals[0] } as RaceTiming;
export const shortest = { screening: screenings.at(-1), final: finals.at(-1) } as RaceTiming;

/** Shares of the race's time that the first block and the final may be expected to take. */
const firstBlockShare = 0.35;
const finalShare = 0.4;
/** The final has at least two finalists and the baseline, and should have this many blocks. */
const minFinal = { configurations: 3, blocks: 5 };

export interface TimingOptions {
  /** The race has this much time, milliseconds. */
  readonly raceMs: number;
  readonly cores: number;
  /** Null: the task may be called as often as the time allows. */
  readonly maxCalls: number | null;
  /** True for a task that remembers results. */
  readonly remembers: boolean;
}

/** The longest trials that there is time for; the shortest ones if calls of the task are counted. */
export function timingFor(
  cells: readonly Cell[],
  { raceMs, cores, maxCalls, remembers }: TimingOptions,
): RaceTiming {
  const counting = maxCalls === null ? {} : { countsCalls: true };
  if (remembers) return { screening: { ...once, ...counting }, final: { ...once, ...counting } };
  if (maxCalls !== null)
    return { screening: { ...shortest.screening, ...counting }, final: { ...shortest.final, ...counting } };
  const blockMs = (timing: Timing) =>
    cells.reduce((sum, cell) => sum + estimateTrialMs(cell, timing, cores), 0);
  const screening = screenings.find((timing) => blockMs(timing) <= firstBlockShare * raceMs);
  const trials = (minFinal.configurations * minFinal.blocks) / cells.length;
  const final = finals.find((timing) => trials * blockMs(timing) <= finalShare * raceMs);
  return { screening: screening ?? shortest.screening, final: final ?? shortest.final };
}
