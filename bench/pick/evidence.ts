import type { NonEmpty } from '../stats/group-by.js';
import type { Difference, Family } from '../stats/moderated.js';
import { tQuantile } from '../stats/student-t.js';

/** Questions about the measured rates of configurations that are compared with each other. */

/**
 * Finds the configuration with the highest rate: each one is compared with the best so far over the blocks
 * they share.
 * @param among the names of configurations
 */
export function best(evidence: Family, among: NonEmpty<string>): string {
  return among.reduce((fastest, configuration) => {
    const difference = evidence.difference(configuration, fastest);
    return difference !== null && difference.mean > 0 ? configuration : fastest;
  });
}

/**
 * @returns upper end of a one-sided interval of the log ratio, at `1 − alpha`; infinite if the scatter is
 * unknown
 */
export function upper({ mean, scatter }: Difference, alpha: number): number {
  if (scatter === null) return Number.POSITIVE_INFINITY;
  return mean + tQuantile(1 - alpha, scatter.df) * scatter.error;
}
