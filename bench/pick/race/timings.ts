import type { Cell } from '../../trials/plan.js';
import { estimateTrialMs, givenWarmupMs, type Timing } from '../../trials/timing.js';

/**
 * How long the trials of a race are. A trial starts a process of its own and warms it up, so that a longer
 * clock costs little besides:
 *
 * - A short warm-up ranks configurations wrongly, not only inexactly. Two workers on two cores compile on
 *   these cores as well. Two workers that parse HTML had 0.97 of the rate of `sequential` after a warm-up of
 *   100 ms for each, 1.26 after 200 ms, 1.75 after 300 ms, and 1.72 to 1.76 after 600 ms with a clock of a
 *   second or more. Cold code is slow, so that a short warm-up saves little time. Where time is short, fewer
 *   configurations are measured: four of four races of 30 s chose `sequential` after 100 ms, and of eighteen
 *   after 400 ms two with two blocks and two with three. In the latter the screening had parsed numbers at
 *   5,600 to 7,600 documents/s with two workers, the final at 9,000 to 9,600 after 600 ms, and such blocks
 *   scatter too much to show a gain. So both have the same warm-up; none of four races chose it then.
 * - A virtual machine is slower and faster by turns of some tenths of a second. Rates of a second scattered
 *   by 2.5 to 4.1 %, rates of 300 ms by 4.4 to 7.9 %, and a trial took half as much time again.
 */

/** Trials in the screening are short, and longer in the final. */
export interface RaceTiming {
  readonly screening: Timing;
  readonly final: Timing;
  readonly firstBlock: FirstBlock;
}

/** How many configurations the first block measures: the rest go without a trial. */
export interface FirstBlock {
  /** It leaves time for this many blocks of the baseline and two others. */
  readonly laterBlocks: number;
  /** It has this share of the race's time all the same. */
  readonly minShare: number;
}

export const usualFirst: FirstBlock = { laterBlocks: 2, minShare: 0.4 };
/**
 * A race has about a dozen trials of a task that is slow to warm up, and further blocks tell more than
 * further configurations. Three such races had three blocks, and one block of four to six configurations. One
 * chose `sequential` where two workers have 1.3 times its rate, and one had an interval of 0.93 to 3.75.
 */
export const slowFirst: FirstBlock = { laterBlocks: 3, minShare: 0.3 };

/** Timing of the screening. */
export const screening: Timing = { timeMs: 150, warmupMs: 600, maxWarmupMs: 1400, screening: true };
/** Timings of the final, the longest first. */
export const finals = [
  { timeMs: 1000, warmupMs: 600, maxWarmupMs: 1400 },
  { timeMs: 300, warmupMs: 600, maxWarmupMs: 1400 },
] as const satisfies readonly Timing[];
/** Timings for a task that may not be called often: warm code takes calls. */
const counting: RaceTiming = {
  screening: { timeMs: 80, warmupMs: 100, maxWarmupMs: 300, screening: true, countsCalls: true },
  final: { ...finals[1], countsCalls: true },
  firstBlock: usualFirst,
};
/** Timing for a task that remembers results: one pass without a warm-up, so that no document runs twice. */
const once: Timing = { timeMs: 0, warmupMs: 0 };

/** The final has two finalists and the baseline or more, and this many blocks where a second is given. */
const minFinal = { configurations: 3, blocks: 5 };
/** Share of the race's time that the final may be expected to take. */
const finalShare = 0.4;

/**
 * A task that is slow to warm up gets one of these parts of the race's time for the warm-up of an engine. The
 * race then has about a dozen trials: cold code takes twice as long, and two workers have two engines.
 */
const slowParts = 40;

export interface TimingOptions {
  /** The race has this much time, milliseconds. */
  readonly raceMs: number;
  readonly cores: number;
  /** Null: the task may be called as often as the time allows. */
  readonly maxCalls: number | null;
  /** True for a task that remembers results. */
  readonly remembers: boolean;
}

/** The longest trials of the final that there is time for, in a race of these cells. */
export function timingFor(
  cells: readonly Cell[],
  { raceMs, cores, maxCalls, remembers }: TimingOptions,
): RaceTiming {
  if (remembers) {
    const timing = { ...once, ...(maxCalls !== null && { countsCalls: true }) };
    return { screening: timing, final: timing, firstBlock: usualFirst };
  }
  if (maxCalls !== null) return counting;
  const blocksMs = (timing: Timing) => {
    const trialsMs = cells.reduce((sum, cell) => sum + estimateTrialMs(cell, timing, cores), 0);
    return (minFinal.blocks * minFinal.configurations * trialsMs) / cells.length;
  };
  const slowWarmupMs = raceMs / slowParts;
  if (cells.some(({ corpus }) => givenWarmupMs(corpus, { ...screening, slowWarmupMs }) > screening.warmupMs))
    // Beside such a warm-up a short clock would save little.
    return {
      screening: { ...screening, timeMs: finals[0].timeMs, slowWarmupMs },
      final: { ...finals[0], slowWarmupMs },
      firstBlock: slowFirst,
    };
  const final = finals.find((timing) => blocksMs(timing) <= finalShare * raceMs) ?? finals[1];
  return { screening, final, firstBlock: usualFirst };
}
