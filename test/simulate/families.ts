import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { LogRate } from '../../bench/stats/moderated.js';

/** Made-up families of configurations with the same true rate, for tests of the moderated comparisons. */

export interface FamilyDesign {
  readonly configurations: number;
  readonly rounds: number;
  /**
   * The standard deviation of a configuration's noise is `noise` times this to the power of a standard normal
   * value.
   */
  readonly spread: number;
  /** Share of trials whose noise is `disturbance` times as large. */
  readonly disturbed: number;
  /** `race`: half of the configurations leave after 3 rounds, half of the others after 5; see `missing`. */
  readonly shape: 'whole' | 'race';
}

const noise = 0.025;
const roundNoise = 0.02;
const disturbance = 4;
/** Share of trials that fail in a race. The reference never fails. */
const missing = 0.05;

/** The configuration that all others are compared with. */
export const reference = 'reference';

export interface Random {
  readonly uniform: () => number;
  readonly normal: () => number;
}

export function randomFrom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const uniform = () => uniformFloat64(generator);
  let spare: number | null = null;
  // Box and Muller's transform makes two normal values of two uniform ones.
  const normal = () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return { uniform, normal };
}

/** Log rates of one family; every true ratio is 1. */
export function drawRates(design: FamilyDesign, { uniform, normal }: Random): LogRate[] {
  const rounds = Array.from({ length: design.rounds }, () => roundNoise * normal());
  return Array.from({ length: design.configurations }, (_, i) => {
    const sd = noise * design.spread ** normal();
    return rounds.slice(0, stays(design, i)).flatMap((effect, round) => {
      const log = effect + sd * (uniform() < design.disturbed ? disturbance : 1) * normal();
      const fails = design.shape === 'race' && i > 0 && uniform() < missing;
      return fails ? [] : [{ configuration: i === 0 ? reference : `configuration ${i}`, round, log }];
    });
  }).flat();
}

function stays({ configurations, rounds, shape }: FamilyDesign, i: number): number {
  if (shape === 'whole' || i < configurations / 4) return rounds;
  return Math.min(rounds, i < configurations / 2 ? 5 : 3);
}
