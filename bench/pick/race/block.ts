import { roundOrder } from '../../trials/plan.js';
import type { Configuration } from '../configurations.js';

/**
 * * The order of one block's trials: random, another order in every block. In the first block the
 * configurations that may become the best come first, since their rates show which of the others cannot
 * compete and need no trial at all.
 */
export function blockOrder(
  running: readonly Configuration[],
  { seed, block }: { readonly seed: number; readonly block: number },
): Configuration[] {
  const shuffled = roundOrder(running, { seed, round: block });
  if (block > 1) return shuffled;
  const highest = Math.max(...shuffled.map(({ maxRate }) => maxRate));
  const isPromising = ({ maxRate }: Configuration) => 2 * maxRate >= highest;
  return [...shuffled.filter(isPromising), ...shuffled.filter((one) => !isPromising(one))];
}
