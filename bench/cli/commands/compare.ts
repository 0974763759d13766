import { exitCode, UnfitError } from '../../errors.js';
import { renderTable } from '../../report/console.js';
import { Store } from '../../tables/store.js';
import { compareRuns, differencesBetween, type Run, type RunComparison } from '../../verdict/compare-runs.js';
import type { TextTable } from '../../words/text-table.js';
import { ratio } from '../../words/units.js';
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
  if (differences.length > 0 && flags.force !== true) {
    throw new UnfitError(
      `these runs cannot be compared: they differ in ${differences.join('; ')}. ` +
        'Use --force to compare them anyway',
    );
  }
  const comparisons = compareRuns(a, b);
  if (comparisons.length === 0)
    throw new UnfitError(
      'these runs have no cell in common with two valid rounds in each; ' +
        'the smoke profile has only one round',
    );
  if (flags.json) print(`${JSON.stringify({ differences, comparisons }, null, 2)}\n`);
  else print(text(comparisons, differences));
  if (comparisons.some(({ verdict }) => verdict === 'slower')) return exitCode.regression;
  const open = comparisons.filter(({ verdict }) => verdict === 'inconclusive').length;
  if (flags.strict && open > 0) {
    note(`${open} of ${comparisons.length} comparisons are inconclusive`);
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
  const paint = {
    faster: colors.green,
    slower: colors.red,
    equivalent: (word: string) => word,
    inconclusive: colors.dim,
  };
  const table: TextTable = {
    header: ['workload', 'documents', 'strategy', 'workers', 'second ÷ first', '95 % interval', 'verdict'],
    numbersFrom: 3,
    groups: [
      comparisons.map(
        ({ workload, corpus, strategy, workers, ratio: found, ratio_low, ratio_high, verdict }) => [
          workload,
          corpus,
          strategy,
          String(workers),
          ratio(found),
          `${ratio_low.toFixed(2)}–${ratio_high.toFixed(2)}`,
          paint[verdict](verdict),
        ],
      ),
    ],
  };
  const counts = (['slower', 'faster', 'equivalent', 'inconclusive'] as const).map(
    (word) => `${comparisons.filter(({ verdict }) => verdict === word).length} ${word}`,
  );
  const forced =
    differences.length === 0
      ? ''
      : `${colors.yellow(`Compared by force although they differ in ${differences.join('; ')}.`)}\n`;
  return `${renderTable(table, colors)}\n\n${forced}${counts.join(', ')}.\n`;
}
