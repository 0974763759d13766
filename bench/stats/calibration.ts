/**
 * The figures here make the intervals of `moderated.ts` keep their promise. The t distribution with
 * Satterthwaite's degrees of freedom would be right if the prior were known, the variances followed it and
 * the noise were normal. It is not: over three rounds, uncalibrated 95 % intervals cover 91 to 95 % of the
 * true ratios, and up to 14 % of families claim a difference at 5 %. `npm run calibrate` finds the table, and
 * `npm run test:simulate` checks it.
 */

/** A calibration says how a moderated comparison differs from the plain t distribution. */
export interface Calibration {
  /** The standard error is multiplied by this. */
  readonly error: number;
  /** The degrees of freedom are multiplied by this. */
  readonly df: number;
}

/**
 * No prior is worth more degrees of freedom than this. The estimate from six configurations over three rounds
 * is infinite in two thirds of families whose scatter differs by a factor of 1.6, and intervals that trust it
 * are too narrow. Where scatter differs by 1.6 to 2.2, as it does in published runs, the true figure is 1.5
 * to 3.3.
 */
export const maxPriorDf = 4;

/**
 * Factors on the degrees of freedom, and factors on the error for priors of 1 and of 4 degrees of freedom.
 * The first keep the far tails that a correction for many comparisons needs. The last row holds for all
 * larger numbers of rounds.
 */
export const factors = [
  { rounds: 2, df: 0.65, at1: 1.08, at4: 1.2 },
  { rounds: 3, df: 0.65, at1: 1.08, at4: 1.08 },
  { rounds: 4, df: 0.65, at1: 1.0, at4: 1.0 },
  { rounds: 5, df: 0.75, at1: 1.02, at4: 1.02 },
  { rounds: Number.POSITIVE_INFINITY, df: 0.75, at1: 1.0, at4: 1.0 },
] as const;

/**
 * Calibrates a comparison over at least two rounds, in a family whose prior has `priorDf` degrees of freedom.
 */
export function calibrationAt({
  rounds,
  priorDf,
}: {
  readonly rounds: number;
  readonly priorDf: number;
}): Calibration {
  const { df, at1, at4 } = factors.find((row) => row.rounds >= rounds) ?? factors[4];
  return { error: at1 + (at4 - at1) * between1And4(priorDf), df };
}

/**
 * @returns 0 if the prior has one degree of freedom or less, 1 if it has four or more, and in between on a
 * line
 */
export function between1And4(priorDf: number): number {
  return Math.min(1, Math.max(0, (priorDf - 1) / 3));
}
