import { roundOrder } from '../../trials/plan.js';
import { type Configuration, nameOf } from '../configurations.js';

/** A configuration is promising if its bound reaches this share of the highest bound. */
const promisingShare = 0.75;

/**
 * The order of one block's trials: random, another order in every block. In the first block the baseline
 * and the configurations that may become the best come first: their rates show which of the others cannot
 * compete and need no trial at all, and if the time is short, the others are the ones to do without.
 */
export function blockOrder(
  running: readonly Configuration[],
  { seed, block, baseline }: { readonly seed: number; readonly block: number; readonly baseline: string },
): Configuration[] {
  const shuffled = roundOrder(running, { seed, round: block });
  if (block > 1) return shuffled;
  const highest = Math.max(...shuffled.map(({ maxRate }) => maxRate));
  const comesFirst = (one: Configuration) =>
    nameOf(one) === baseline || one.maxRate >= promisingShare * highest;
  return [...shuffled.filter(comesFirst), ...shuffled.filter((one) => !comesFirst(one))];
}
