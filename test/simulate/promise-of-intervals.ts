import { type Difference, interval, type LogRate, moderate, pValue } from '../../bench/stats/moderated.js';
import { drawRates, type FamilyDesign, randomFrom, reference } from './families.js';

/**
 * The record of the intervals of `moderated.ts` over many families whose configurations are all equally fast.
 */
export interface Kept {
  /** Share of 95 % intervals of a ratio to the reference that hold the true ratio, percent. */
  readonly coverage: number;
  /**
   * Share of families in which some configuration differs from the reference at 5 % after Bonferroni,
   * percent.
   */
  readonly familyError: number;
  /** Mean half-width of the intervals ÷ mean half-width of paired t intervals on the same trials. */
  readonly halfWidth: number;
}

/** Half-widths cost more time than p values, and their mean needs fewer families. */
const familiesForWidths = 400;

export function kept(
  design: FamilyDesign,
  { families, seed }: { readonly families: number; readonly seed: number },
): Kept {
  const random = randomFrom(seed);
  let intervals = 0;
  let covering = 0;
  let familiesInError = 0;
  let width = 0;
  let pairedWidth = 0;
  for (let i = 0; i < families; i++) {
    const rates = drawRates(design, random);
    const differences = differencesIn(rates);
    const ps = [...differences.values()].flatMap((difference) => pValue(difference) ?? []);
    intervals += ps.length;
    covering += ps.filter((p) => p >= 0.05).length;
    if (ps.some((p) => p < 0.05 / ps.length)) familiesInError++;
    if (i >= familiesForWidths) continue;
    for (const [name, difference] of differences) {
      width += widthOf(difference);
      pairedWidth += widthOf(pairedDifference(rates, name));
    }
  }
  return {
    coverage: (100 * covering) / intervals,
    familyError: (100 * familiesInError) / families,
    halfWidth: width / pairedWidth,
  };
}

/** Every configuration against the reference, where both have at least two rounds in common. */
export function differencesIn(rates: readonly LogRate[]): Map<string, Difference> {
  const family = moderate(rates);
  const names = new Set(rates.map(({ configuration }) => configuration));
  names.delete(reference);
  return new Map(
    [...names].flatMap((name) => {
      const difference = family.difference(name, reference);
      return difference === null || difference.rounds < 2 ? [] : [[name, difference] as const];
    }),
  );
}

/** A family of two configurations is compared by a paired t test. */
function pairedDifference(rates: readonly LogRate[], name: string): Difference | null {
  const two = rates.filter(({ configuration }) => configuration === name || configuration === reference);
  return moderate(two).difference(name, reference);
}

function widthOf(difference: Difference | null): number {
  const ends = difference === null ? null : interval(difference);
  return ends === null ? 0 : ends.high - ends.low;
}
