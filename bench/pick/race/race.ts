import type { TrialRow } from '../../tables/trial-columns.js';
import type { Configuration } from '../configurations.js';
import { finalBlocksWanted } from './budget.js';
import { Field, minBlocks } from './field.js';
import type { NotMeasured, RaceOptions } from './options.js';

/** This is how a race ended. */
export interface RaceResult {
  readonly trials: readonly TrialRow[];
  /** Configurations that were in the race until its end. */
  readonly finalists: readonly Configuration[];
  /** Why each of the others left, by name. */
  readonly left: ReadonlyMap<string, string>;
  /** Configurations of which nothing is known: the time or the calls ended before their first trial. */
  readonly notMeasured: readonly NotMeasured[];
  /** Blocks of the final; with fewer than ten, differences are less certain. */
  readonly finalBlocks: number;
  /**
   * Time that measuring every configuration in as many blocks as the finalists would have taken,
   * milliseconds.
   */
  readonly fullGridMs: number;
}

export const maxScreeningBlocks = 6;
export const maxFinalBlocks = 24;

/**
 * The race: every configuration is measured once per block, in random order. Configurations that cannot be
 * the best leave early, so that the time goes to the others: on evidence, or, when the time is too short
 * for evidence, because they are in the slower half. The finalists run longer trials until the time is up.
 *
 * This file holds the loop. `block.ts` orders the trials of a block, `dropping.ts` decides which
 * configurations leave, `budget.ts` estimates what trials take, `standings.ts` keeps the configurations that
 * are still in the race, and `field.ts` measures them.
 */
export async function race(options: RaceOptions): Promise<RaceResult> {
  const field = new Field(options);
  for (let block = 1; block <= maxScreeningBlocks && field.open && field.crowded; block++) {
    if (!(await field.block(block, options.timing.screening))) break;
    field.dropHopeless();
    if (block >= minBlocks) field.dropSlower();
    field.halveToFit(block);
    options.say({ kind: 'block', block, left: field.standings.titles, final: false });
  }
  field.keepFinalists();
  let finalBlocks = 0;
  while (finalBlocks < maxFinalBlocks && field.open) {
    field.makeRoom();
    const timing = field.nextTiming;
    if (timing === null) break;
    finalBlocks++;
    await field.block(field.blocks + 1, timing);
    if (finalBlocks >= minBlocks) field.dropSlower();
    options.say({ kind: 'block', block: field.blocks, left: field.standings.titles, final: true });
    if (finalBlocks >= finalBlocksWanted && field.standings.settled) break;
  }
  return {
    trials: field.standings.trials,
    finalists: field.standings.running,
    left: field.standings.left,
    notMeasured: field.notMeasured,
    finalBlocks,
    fullGridMs: field.gridMs(finalBlocks),
  };
}
