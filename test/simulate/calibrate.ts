import { between1And4, calibrationAt } from '../../bench/stats/calibration.js';
import { type LogRate, moderate } from '../../bench/stats/moderated.js';
import { tQuantile } from '../../bench/stats/student-t.js';
import { drawRates, type FamilyDesign, randomFrom } from './families.js';
import { differencesIn } from './promise-of-intervals.js';

/**
 * `npm run calibrate` finds the factors on the error in `bench/stats/calibration.ts`: per number of rounds
 * the pair with the narrowest intervals that keeps the promise in every setting. Settings include undisturbed
 * trials and races, in which pairs with other numbers of common rounds use the factors of the table as it is.
 * It takes about five minutes and prints the rows of the table; `npm run calibrate -- 4 5` searches two of
 * them. The bars leave room for what another draw of families may show: 94 % and 5.5 % are what `npm run
 * test:simulate` asks.
 */
const minCoverage = 94.3;
const maxFamilyError = 5.1;
/**
 * In a race the other pairs have most of the errors, and fewer families are drawn than needed for a stricter
 * bar.
 */
const maxFamilyErrorOfRace = 5.5;
const step = 0.02;
const maxFactor = 1.5;

const settings: readonly Omit<FamilyDesign, 'rounds'>[] = [6, 22, 60].flatMap((configurations) =>
  [1, 1.6, 2.2].flatMap((spread) =>
    [0, 0.07].flatMap((disturbed) =>
      (['whole', 'race'] as const).map((shape) => ({ configurations, spread, disturbed, shape })),
    ),
  ),
);
const roundsOfRace = 12;

/** One family, as far as the search needs it. */
interface Needs {
  /** 0 where the factor `at1` counts alone, 1 where `at4` does. */
  readonly position: number;
  /**
   * Per pair with the searched number of rounds, the factor at which its 95 % interval holds the true ratio.
   */
  readonly toCover: Float64Array;
  /**
   * The factor at which none of these pairs differs after Bonferroni; infinite if a pair with other rounds
   * does.
   */
  readonly toBeSilent: number;
}

const asked = process.argv.slice(2).map(Number);
for (const rounds of asked.length > 0 ? asked : [2, 3, 4, 5, 6]) {
  const samples = settings.map((setting, i) => {
    const random = randomFrom(1000 * rounds + i);
    const families = setting.configurations === 60 ? 3000 : 8000;
    const design = { ...setting, rounds: setting.shape === 'race' ? roundsOfRace : rounds };
    return Array.from({ length: families }, () => needsOf(drawRates(design, random), rounds));
  });
  console.log(JSON.stringify({ rounds, ...search(samples) }));
}

function needsOf(rates: readonly LogRate[], searched: number): Needs {
  const priorDf = moderate(rates).prior?.df ?? 0;
  const differences = [...differencesIn(rates).values()];
  const alpha = 0.05 / differences.length;
  const toCover: number[] = [];
  let toBeSilent = 0;
  for (const { rounds, mean, scatter } of differences) {
    if (scatter === null) continue;
    const errors = Math.abs(mean) / scatter.error;
    const silent = errors / tQuantile(1 - alpha / 2, scatter.df);
    if (rounds === searched) {
      const applied = calibrationAt({ rounds, priorDf }).error;
      toCover.push((errors * applied) / tQuantile(0.975, scatter.df));
      toBeSilent = Math.max(toBeSilent, silent * applied);
    } else if (silent > 1) toBeSilent = Number.POSITIVE_INFINITY;
  }
  return { position: between1And4(priorDf), toCover: Float64Array.from(toCover), toBeSilent };
}

/**
 * Finds the pair of factors with the smallest mean over all families among the pairs that keep the promise. A
 * stronger prior is never widened less: the mean is so flat near its minimum that the order would be chance.
 */
function search(samples: readonly (readonly Needs[])[]): { at1: number; at4: number } | null {
  const position = mean(samples.flatMap((families) => families.map((family) => family.position)));
  const grid = Array.from({ length: Math.round((maxFactor - 1) / step) + 1 }, (_, i) => 1 + i * step);
  const pairs = grid
    .flatMap((at1) =>
      grid.filter((at4) => at4 >= at1).map((at4) => ({ at1, at4, mean: at1 + (at4 - at1) * position })),
    )
    .sort((a, b) => a.mean - b.mean);
  const found = pairs.find((pair) =>
    samples.every((families, i) => {
      const bar = settings[i]?.shape === 'race' ? maxFamilyErrorOfRace : maxFamilyError;
      return keepsPromise(families, pair, bar);
    }),
  );
  return found === undefined ? null : { at1: rounded(found.at1), at4: rounded(found.at4) };
}

function keepsPromise(
  families: readonly Needs[],
  { at1, at4 }: { at1: number; at4: number },
  bar: number,
): boolean {
  let covered = 0;
  let all = 0;
  let loud = 0;
  for (const { position, toCover, toBeSilent } of families) {
    const factor = at1 + (at4 - at1) * position;
    all += toCover.length;
    for (const needed of toCover) if (needed <= factor) covered++;
    if (toBeSilent > factor) loud++;
  }
  return covered >= (minCoverage / 100) * all && loud <= (bar / 100) * families.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rounded(factor: number): number {
  return Number(factor.toFixed(2));
}
