import type { Recommendation } from '../../runner/recommendation.js';
import { geometricInterval, mean } from '../stats/estimate.js';
import { paired } from '../stats/paired.js';
import { comparableRate, pairedLogRatios } from '../tables/summarise.js';
import { isOk, type TrialRow } from '../tables/trial-columns.js';
import type { LoadedStrategy } from '../trials/plan.js';
import { configurationName, recommendedName } from '../verdict/configurations.js';
import type { RegretRow } from './columns.js';
import type { Exhaustive } from './exhaustive.js';

export interface PickRegretOptions {
  readonly chosen: Recommendation;
  readonly run: Exhaustive;
  readonly rounds: number;
  readonly loaded: readonly LoadedStrategy[];
}

/**
 * Judges what `pick` chose by a run of every configuration. @throws Error if that run does not have the
 * choice
 */
export function regretRow(task: string, { chosen, run, rounds, loaded }: PickRegretOptions): RegretRow {
  const { trials, kind, configurations, seconds } = run;
  const own = (name: string) => trials.filter((trial) => isOk(trial) && configurationName(trial) === name);
  const rate = (name: string) => geometricInterval(own(name).filter(isOk).map(comparableRate)).mean;
  const choice = recommendedName(chosen);
  if (own(choice).length === 0) throw new Error(`${task}: the exhaustive run has no ${choice}`);
  const names = [...new Set(trials.filter(isOk).map(configurationName))];
  const best = names.reduce((a, b) => (rate(b) > rate(a) ? b : a));
  const ratiosTo = (other: string) => pairedLogRatios(own(choice), own(other));
  return {
    task,
    kind,
    arms: configurations,
    rounds,
    choice,
    best,
    choice_rate: rate(choice),
    best_rate: rate(best),
    sequential_rate: rate(baselineName(trials, loaded)),
    regret: 1 - Math.exp(mean(ratiosTo(best))),
    regret_high: largestLoss(names.filter((name) => name !== choice).map(ratiosTo)),
    pick_seconds: (chosen.effort as { usedMs: number }).usedMs / 1000,
    exhaustive_seconds: seconds,
    promised_low: chosen.expected.low,
    promised_high: chosen.expected.high,
  };
}

/**
 * The choice gives away no more than this against any other configuration, each at 95 %; null if none shares
 * two rounds with it. The one with the highest rate need not be the best.
 *
 * @param ratios log ratios of the choice to each other configuration, by round
 */
function largestLoss(ratios: readonly (readonly number[])[]): number | null {
  const known = ratios.filter(({ length }) => length > 1);
  return known.length === 0 ? null : Math.max(0, ...known.map((one) => 1 - Math.exp(paired(one).low)));
}

function baselineName(trials: readonly TrialRow[], loaded: readonly LoadedStrategy[]): string {
  const isBaseline = ({ strategy }: TrialRow) =>
    loaded.some((one) => one.strategy.baseline && one.strategy.name === strategy);
  const trial = trials.find(isBaseline);
  if (trial === undefined) throw new Error('the exhaustive run has no trial of the baseline');
  return configurationName(trial);
}
