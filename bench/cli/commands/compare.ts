import { exitCode, UnfitError } from '../../errors.js';
import { renderTable } from '../../report/console.js';
import { Store } from '../../tables/store.js';
import { compareRuns, differencesBetween, type Run, type RunComparison } from '../../verdict/compare-runs.js';
import {
  cannotCompare,
  comparedByForce,
  nothingInCommon,
  openComparisons,
  runComparisonTable,
  verdictCounts,
} from '../../words/compare-runs.js';
import { colorsFor, note, print } from '../terminal.js';

/**
 * `forkwise compare`: is the second run faster or slower than the first, cell by cell? @returns the exit
 * code.
 */
export async function compare(
  first: string,
  second: string,
  flags: { force?: true; strict?: true; json?: true },
): Promise<number> {
  const [a, b] = [load(first), load(second)];
  const differences = differencesBetween(a.environment, b.environment);
  if (differences.length > 0 && flags.force !== true) throw new UnfitError(cannotCompare(differences));
  const comparisons = compareRuns(a, b);
  if (comparisons.length === 0) throw new UnfitError(nothingInCommon);
  if (flags.json) print(`${JSON.stringify({ differences, comparisons }, null, 2)}\n`);
  else print(text(comparisons, differences));
  if (comparisons.some(({ verdict }) => verdict === 'slower')) return exitCode.regression;
  const open = openComparisons(comparisons);
  if (flags.strict && open !== null) {
    note(open);
    return exitCode.inconclusive;
  }
  return exitCode.ok;
}

function load(folder: string): Run {
  const store = Store.open(folder);
  return { environment: store.environment(), trials: store.trials() };
}

function text(comparisons: readonly RunComparison[], differences: readonly string[]): string {
  const colors = colorsFor(process.stdout);
  const table = runComparisonTable(comparisons, {
    faster: colors.green,
    slower: colors.red,
    equivalent: (word: string) => word,
    inconclusive: colors.dim,
  });
  const forced = comparedByForce(differences);
  const warning = forced === '' ? '' : `${colors.yellow(forced)}\n`;
  return `${renderTable(table, colors, process.stdout.columns)}\n\n${warning}${verdictCounts(comparisons)}\n`;
}
