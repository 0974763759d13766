import { mean } from '../stats/estimate.js';
import { tQuantile } from '../stats/student-t.js';

/** What one arm did in one block: the logarithm of its documents a second. */
export interface Score {
  readonly arm: string;
  readonly block: number;
  readonly log: number;
}

/** An arm against another one: mean log ratio over the blocks that have both, and its standard error. */
export interface Difference {
  readonly arm: string;
  readonly n: number;
  readonly mean: number;
  /** Null where nothing says how much scores scatter. */
  readonly error: number | null;
  readonly df: number;
}

/** From so many blocks in common on, an arm's own scatter tells more than what all arms share. */
const ownScatter = 8;

/**
 * Scores of arms over blocks, some of which have not all arms. A score is taken as arm + block + noise; what noise there is, is told
 * by all arms and blocks together: three blocks of one pair alone could tell nothing apart.
 */
export class Evidence {
  readonly #scores: readonly Score[];
  readonly #variance: number | null;
  readonly #df: number;

  constructor(scores: readonly Score[]) {
    this.#scores = scores;
    const { sum, df } = residuals(scores);
    this.#df = df;
    this.#variance = df > 0 ? sum / df : null;
  }

  /** Blocks in which the arm has a score. */
  blocks(arm: string): number {
    return this.#scores.filter((score) => score.arm === arm).length;
  }

  /** @returns log ratio of the arm to the reference; null without a block in common */
  difference(arm: string, reference: string): Difference | null {
    const of = new Map(
      this.#scores.filter((score) => score.arm === reference).map(({ block, log }) => [block, log]),
    );
    const ratios = this.#scores.flatMap((score) => {
      const other = of.get(score.block);
      return score.arm !== arm || other === undefined ? [] : [score.log - other];
    });
    const n = ratios.length;
    if (n === 0) return null;
    const middle = mean(ratios);
    if (n >= ownScatter) {
      const variance = ratios.reduce((sum, ratio) => sum + (ratio - middle) ** 2, 0) / (n - 1);
      return { arm, n, mean: middle, error: Math.sqrt(variance / n), df: n - 1 };
    }
    return {
      arm,
      n,
      mean: middle,
      error: this.#variance === null ? null : Math.sqrt((2 * this.#variance) / n),
      df: this.#df,
    };
  }

  /**
   * The arm with the highest rate: among those that the last blocks have, the highest mean over blocks that all of them share.
   * @param among at least one
   */
  best(among: readonly string[]): string {
    const [first] = among as [string, ...string[]];
    return among.reduce((best, arm) => {
      const difference = this.difference(arm, best);
      return difference !== null && difference.mean > 0 ? arm : best;
    }, first);
  }
}

/** @returns upper end of a one-sided interval of the log ratio, at `1 − alpha`; infinite where nothing is known */
export function upper({ mean, error, df }: Difference, alpha: number): number {
  return error === null ? Number.POSITIVE_INFINITY : mean + tQuantile(1 - alpha, df) * error;
}

/** @returns the two-sided 95 % interval of the log ratio; null where nothing says how much scores scatter */
export function interval({
  mean,
  error,
  df,
}: Difference): { readonly low: number; readonly high: number } | null {
  if (error === null) return null;
  const half = tQuantile(0.975, df) * error;
  return { low: mean - half, high: mean + half };
}

/** Sum of squares that arm and block do not explain, by alternating means (an unbalanced two-way table has no closed form). */
function residuals(scores: readonly Score[]): { sum: number; df: number } {
  const arms = new Map([...new Set(scores.map(({ arm }) => arm))].map((arm) => [arm, 0]));
  const blocks = new Map([...new Set(scores.map(({ block }) => block))].map((block) => [block, 0]));
  const df = scores.length - arms.size - blocks.size + 1;
  if (df <= 0) return { sum: 0, df };
  const left = ({ arm, block, log }: Score) =>
    log - (arms.get(arm) as number) - (blocks.get(block) as number);
  const adjust = <Key>(effects: Map<Key, number>, keyOf: (score: Score) => Key) => {
    const sums = new Map<Key, { sum: number; n: number }>();
    for (const score of scores) {
      const entry = sums.get(keyOf(score)) ?? { sum: 0, n: 0 };
      sums.set(keyOf(score), { sum: entry.sum + left(score), n: entry.n + 1 });
    }
    for (const [key, { sum, n }] of sums) effects.set(key, (effects.get(key) as number) + sum / n);
  };
  let sum = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 200; i++) {
    adjust(arms, ({ arm }) => arm);
    adjust(blocks, ({ block }) => block);
    const next = scores.reduce((total, score) => total + left(score) ** 2, 0);
    if (sum - next <= 1e-12 * Math.max(next, 1e-12)) return { sum: next, df };
    sum = next;
  }
  return { sum, df };
}
