import type { LogRate } from '../stats/moderated.js';
import type { SummaryRow, TrialRow } from '../tables/columns.js';
import { valid } from '../tables/summarise.js';

/** Names a configuration within its workload. The same configuration has the same name at every size. */
export function configurationName({
  strategy,
  workers,
  delivery,
}: Pick<TrialRow, 'strategy' | 'workers' | 'delivery'>): string {
  return `${strategy} ${workers} ${delivery}`;
}

/** What the rule that chooses rests on: one log rate per configuration and round. Twins are left out. */
export function logRates(trials: readonly TrialRow[]): LogRate[] {
  return trials
    .filter(({ twin }) => twin === null)
    .filter(valid)
    .map((trial) => ({
      configuration: configurationName(trial),
      round: trial.round,
      log: Math.log(trial.documents_per_second),
    }));
}

/**
 * Why a configuration may not be chosen by any command, whatever its rate; null where it may. Workers beyond the cores
 * that compute cost memory and gain only by chance; documents in flight on one thread are not workers that compute.
 */
export function barredBecause(
  { oversubscribed, digest_matches, workers }: SummaryRow,
  isolation: string,
): string | null {
  if (digest_matches === false) return 'its results are not those of sequential';
  return isolation !== 'none' && oversubscribed === true
    ? `cores: ${workers} workers that compute are more than there are cores`
    : null;
}
