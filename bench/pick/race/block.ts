import { groupBy } from '../../stats/group-by.js';
import { roundOrder } from '../../trials/plan.js';
import { type Configuration, nameOf } from '../configurations.js';

/** A configuration is promising if its bound reaches this share of the highest bound. */
const promisingShare = 0.75;

export interface BlockOptions {
  readonly seed: number;
  readonly block: number;
  /** The name of the baseline. */
  readonly baseline: string;
  /** True where the first block begins with the baseline. */
  readonly baselineFirst: boolean;
}

/**
 * The order of one block's trials: random, another order in every block. In the first block the baseline
 * and the configurations that may become the best come first: their rates show which of the others cannot
 * compete and need no trial at all, and if the time is short, the others are the ones to do without. Without
 * a rate of the baseline no gain is known, so it comes before all others unless it would leave them no time.
 * The bounds of many configurations tie where the cores limit all of them. Strategies therefore take turns,
 * so that a short time leaves out a further split of each strategy and not all splits of one.
 */
export function blockOrder(
  running: readonly Configuration[],
  { seed, block, baseline, baselineFirst }: BlockOptions,
): Configuration[] {
  const shuffled = roundOrder(running, { seed, round: block });
  if (block > 1) return shuffled;
  const highest = Math.max(...shuffled.map(({ maxRate }) => maxRate));
  const comesFirst = (one: Configuration) =>
    nameOf(one) === baseline || one.maxRate >= promisingShare * highest;
  const ordered = [
    ...inTurns(shuffled.filter(comesFirst)),
    ...inTurns(shuffled.filter((one) => !comesFirst(one))),
  ];
  if (!baselineFirst) return ordered;
  const isBaseline = (one: Configuration) => nameOf(one) === baseline;
  return [...ordered.filter(isBaseline), ...ordered.filter((one) => !isBaseline(one))];
}

/** The first configuration of each strategy comes first, then the second of each, and so on. */
function inTurns(configurations: readonly Configuration[]): Configuration[] {
  const own = [...groupBy(configurations, ({ cell }) => cell.strategy).values()];
  const turns = Math.max(0, ...own.map(({ length }) => length));
  return Array.from({ length: turns }, (_, turn) => own.flatMap((all) => all.slice(turn, turn + 1))).flat();
}
