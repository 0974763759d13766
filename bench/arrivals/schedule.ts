import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Documents come as a Poisson process, as independent users send them, or at even distances. */
export type ArrivalPattern = 'poisson' | 'constant';
export const arrivalPatterns: readonly ArrivalPattern[] = ['poisson', 'constant'];

export interface ScheduleOptions {
  readonly pattern: ArrivalPattern;
  /** Mean arrivals per second. */
  readonly rate: number;
  readonly documents: number;
  readonly seed: number;
}

/**
 * Returns the instants at which documents come, ms after the start, ascending. The same options give the
 * same instants, so that every strategy meets the same arrivals. Gaps of a Poisson process are exponential
 * with mean 1 ÷ rate.
 */
export function scheduleOf({ pattern, rate, documents, seed }: ScheduleOptions): Float64Array {
  const gapMs = 1000 / rate;
  const schedule = new Float64Array(documents);
  if (pattern === 'constant') {
    for (let i = 0; i < documents; i++) schedule[i] = i * gapMs;
    return schedule;
  }
  const random = xoroshiro128plus(seed);
  let atMs = 0;
  for (let i = 0; i < documents; i++) {
    atMs -= gapMs * Math.log1p(-uniformFloat64(random));
    schedule[i] = atMs;
  }
  return schedule;
}
