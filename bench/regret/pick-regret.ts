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
  const ratios = pairedLogRatios(own(choice), own(best));
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
    regret: 1 - Math.exp(mean(ratios)),
    regret_high: choice === best ? 0 : ratios.length < 2 ? null : 1 - Math.exp(paired(ratios).low),
    pick_seconds: (chosen.effort as { usedMs: number }).usedMs / 1000,
    exhaustive_seconds: seconds,
    promised_low: chosen.expected.low,
    promised_high: chosen.expected.high,
  };
}

function baselineName(trials: readonly TrialRow[], loaded: readonly LoadedStrategy[]): string {
  const isBaseline = ({ strategy }: TrialRow) =>
    loaded.some((one) => one.strategy.baseline && one.strategy.name === strategy);
  const trial = trials.find(isBaseline);
  if (trial === undefined) throw new Error('the exhaustive run has no trial of the baseline');
  return configurationName(trial);
}
