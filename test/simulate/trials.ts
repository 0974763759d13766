import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Parameters } from '../../bench/stats/throughput.js';
import type { ScalingPoint } from '../../bench/stats/throughput-fit.js';

/** These trials are made up, for tests of the scaling models. */

export interface Design {
  readonly levels: readonly number[];
  readonly rounds: number;
  /** Log throughputs of trials scatter with this standard deviation. */
  readonly sd: number;
  /** The common part of the trials of a round scatters with this standard deviation. */
  readonly roundSd?: number;
  readonly seed: number;
}

export function law(parameters: Partial<Parameters>): Parameters {
  return { lambda: 100, sigma: 0, kappa: 0, delta: 0, cap: Number.POSITIVE_INFINITY, ...parameters };
}

export function noisyTrials(
  rate: (workers: number) => number,
  { levels, rounds, sd, roundSd = 0, seed }: Design,
): ScalingPoint[] {
  const generator = xoroshiro128plus(seed);
  // Box and Muller's transform makes a normal value of two uniform ones.
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator))) *
    Math.cos(2 * Math.PI * uniformFloat64(generator));
  return Array.from({ length: rounds }, (_, i) => {
    const common = roundSd * normal();
    return levels.map((workers) => ({
      round: i + 1,
      workers,
      rate: rate(workers) * Math.exp(sd * normal() + common),
    }));
  }).flat();
}
