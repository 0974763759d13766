import type { StrategyTraits } from '../../strategies/strategy.js';
import { groupBy } from '../stats/group-by.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { namer } from './configuration.js';

/** Names the configurations whose trials failed, with the reason of the first failure of each strategy. */
export function failedText(trials: readonly TrialRow[], strategies: readonly StrategyTraits[]): string[] {
  const name = namer(strategies);
  const failed = trials.filter((trial) => trial.status === 'failed');
  return [...groupBy(failed, ({ strategy }) => strategy).values()].map((own) => {
    const [first] = own;
    const others = own.length > 1 ? ` (${own.length} trials)` : '';
    return `${name(first)} failed${others}: ${first.reason}.`.replaceAll('`', '');
  });
}
