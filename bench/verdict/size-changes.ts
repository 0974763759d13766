import type { Conclusion } from './conclude.js';
import { configurationName, isBaseline } from './configurations.js';

/** Two neighbouring sizes of a workload with different choices. */
export interface SizeChange {
  readonly from: Conclusion;
  readonly to: Conclusion;
  /** True where each choice is shown to be the better one at its own size. */
  readonly shown: boolean;
}

/**
 * Finds where the choice changes with the size of the documents. A change is shown when each of the two
 * choices is shown to be slower at the size of the other. Where one choice is the baseline, it is enough
 * there that the other is as good, since the baseline is simpler.
 * @param conclusions all of one workload, from the smallest documents to the largest
 */
export function changesWithSize(conclusions: readonly Conclusion[]): SizeChange[] {
  return conclusions.flatMap((to, i) => {
    const from = conclusions[i - 1];
    if (from === undefined || configurationName(from.choice) === configurationName(to.choice)) return [];
    return [{ from, to, shown: keepsItsChoice(from, to) && keepsItsChoice(to, from) }];
  });
}

/**
 * True where a size shows that the other size's choice would be worse, or no better than a simpler baseline.
 */
function keepsItsChoice(at: Conclusion, other: Conclusion): boolean {
  const relation = at.relations.get(configurationName(other.choice));
  if (relation === 'slower') return true;
  return isBaseline(at.strategies, at.choice) && relation === 'as good';
}
