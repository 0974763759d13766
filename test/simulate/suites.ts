import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import { trial } from '../rows.js';

/** These suites of one workload and corpus are made up, for tests of comparisons. */

export interface SuiteDesign {
  /**
   * The true rates. The first one belongs to `sequential`, the others to `threads` with 1, 2, 3 … workers.
   */
  readonly rates: readonly number[];
  readonly rounds: number;
  readonly seed: number;
  /** Log rates of trials scatter with this standard deviation. */
  readonly sd?: number;
  /** Something slows this share of trials down to 1 / 1.15 of their rate. */
  readonly slowed?: number;
}

const template = trial({});

/**
 * A suite of cells with an A/A twin of `sequential`. The noise is that of a hosted machine unless told
 * otherwise.
 */
export function suite({ rates, rounds, seed, sd = 0.03, slowed = 0.08 }: SuiteDesign): TrialRow[] {
  const random = xoroshiro128plus(seed);
  // Box and Muller's transform makes a normal value of two uniform ones.
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - uniformFloat64(random))) * Math.cos(2 * Math.PI * uniformFloat64(random));
  const noise = () => Math.exp(sd * normal()) / (uniformFloat64(random) < slowed ? 1.15 : 1);
  const cells = rates.map((rate, i) => ({
    rate,
    strategy: i === 0 ? 'sequential' : 'threads',
    workers: Math.max(1, i),
    twin: null,
  }));
  const twin = { ...cells[0], twin: 'A/A' } as const;
  return Array.from({ length: rounds }, (_, i) =>
    [...cells, twin].map(({ rate = 0, ...cell }) => ({
      ...template,
      ...cell,
      round: i + 1,
      documents_per_second: rate * noise(),
    })),
  ).flat();
}

/** 21 cells, as many as the five strategies have at four numbers of workers, with the same true rate. */
export function equalCells(rounds: number, seed: number): TrialRow[] {
  return suite({ rates: new Array<number>(21).fill(100), rounds, seed });
}
