import { seriesName } from '../tables/series.js';
import type { RunComparison } from '../verdict/compare-runs.js';
import { corpusInWords } from './source.js';
import type { TextTable } from './text-table.js';
import { ratio } from './units.js';

/** `compare` describes two runs with these sentences and this table. */

/** The reason why two runs are not compared. */
export function cannotCompare(differences: readonly string[]): string {
  return (
    `these runs cannot be compared: they differ in ${differences.join('; ')}. ` +
    'Use --force to compare them anyway'
  );
}

export const nothingInCommon =
  'these runs have no cell in common with two valid rounds in each; the smoke profile has only one round, ' +
  'and documents in memory and documents from files are different cells';

/** Says that the user insisted; the empty string where nothing differs. */
export function comparedByForce(differences: readonly string[]): string {
  if (differences.length === 0) return '';
  return `Compared by force although they differ in ${differences.join('; ')}.`;
}

/** Makes a row per cell, with the verdict in its last column. @param paint colours a verdict */
export function runComparisonTable(
  comparisons: readonly RunComparison[],
  paint: Readonly<Record<RunComparison['verdict'], (word: string) => string>>,
): TextTable {
  return {
    header: ['workload', 'documents', 'strategy', 'workers', 'second ÷ first', '95 % interval', 'verdict'],
    spare: ['95 % interval'],
    numbersFrom: 3,
    groups: [
      comparisons.map((comparison) => [
        comparison.workload,
        corpusInWords(comparison),
        seriesName(comparison, comparisons),
        String(comparison.workers),
        ratio(comparison.ratio),
        `${comparison.ratio_low.toFixed(2)}–${comparison.ratio_high.toFixed(2)}`,
        paint[comparison.verdict](comparison.verdict),
      ]),
    ],
  };
}

/** Returns how many comparisons have each verdict: "1 slower, 0 faster, 10 equivalent, 2 inconclusive." */
export function verdictCounts(comparisons: readonly RunComparison[]): string {
  const counts = (['slower', 'faster', 'equivalent', 'inconclusive'] as const).map(
    (word) => `${countOf(comparisons, word)} ${word}`,
  );
  return `${counts.join(', ')}.`;
}

/** Says how many comparisons are open; null when none is. */
export function openComparisons(comparisons: readonly RunComparison[]): string | null {
  const open = countOf(comparisons, 'inconclusive');
  return open === 0 ? null : `${open} of ${comparisons.length} comparisons are inconclusive`;
}

function countOf(comparisons: readonly RunComparison[], word: RunComparison['verdict']): number {
  return comparisons.filter(({ verdict }) => verdict === word).length;
}
