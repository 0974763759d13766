import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { StrategyTraits } from '../../strategies/strategy.js';
import { mean, quantile } from '../stats/estimate.js';
import { groupBy } from '../stats/group-by.js';
import { comparableRate, summarise } from '../tables/summarise.js';
import { isOk, type TrialRow } from '../tables/trial-columns.js';
import { choose, practicalMargin } from '../verdict/choice.js';
import { configurationName, familyRates } from '../verdict/configurations.js';

/**
 * Scores the advice that `bench` gives after few rounds. The advice comes from some rounds of a long run,
 * and the truth from others, so that luck in a round cannot be in both.
 */

/** The cost of following the advice that a number of rounds gives, over all draws. */
export interface AdviceScore {
  readonly rounds: number;
  readonly draws: number;
  /** Share of the rate that the advice gives away, in the median, at the 95th percentile, and at most. */
  readonly regretMedian: number;
  readonly regretHigh: number;
  readonly regretMax: number;
  /**
   * What the configuration that is fastest over all rounds gives away in the same comparison, in the median.
   * That configuration is no bad advice: the rates that it is held against were lucky by this much.
   */
  readonly luck: number;
  /** Share of the draws that advise the baseline. */
  readonly baselineShare: number;
}

export interface ScoreOptions {
  /** Trials must be of one workload and corpus. */
  readonly trials: readonly TrialRow[];
  readonly strategies: readonly StrategyTraits[];
  readonly cores: number;
  /** Rounds that the advice is from. With half of all rounds, each half is tried once against the other. */
  readonly rounds: number;
  readonly draws: number;
  readonly seed: number;
}

/** @returns null if the trials have too few rounds */
export function scoreAdvice(options: ScoreOptions): AdviceScore | null {
  const { trials, strategies, rounds, draws, seed } = options;
  const all = [...new Set(trials.map(({ round }) => round))];
  const halves = [all.filter((round) => round % 2 === 1), all.filter((round) => round % 2 === 0)] as const;
  if (halves.some((half) => half.length < rounds)) return null;
  const whole = halves.every((half) => half.length === rounds);
  const random = xoroshiro128plus(seed);
  const baseline = strategies.find((strategy) => strategy.baseline)?.name;
  const truths = halves.map((half) => ratesIn(trials, half));
  const fastest = highest(ratesIn(trials, all));
  const regrets: number[] = [];
  const lucks: number[] = [];
  let baselines = 0;
  for (let draw = 0; draw < (whole ? 2 : draws); draw++) {
    const [mine, other] = draw % 2 === 0 ? [halves[0], truths[1]] : [halves[1], truths[0]];
    const chosen = adviceFrom(drawn(mine, rounds, random), options);
    if (chosen === null || other === undefined) continue;
    if (chosen.strategy === baseline) baselines++;
    regrets.push(regretOf(configurationName(chosen), other));
    lucks.push(regretOf(fastest, other));
  }
  if (regrets.length === 0) return null;
  return {
    rounds,
    draws: regrets.length,
    regretMedian: quantile(regrets, 0.5) as number,
    regretHigh: quantile(regrets, 0.95) as number,
    regretMax: Math.max(...regrets),
    luck: quantile(lucks, 0.5) as number,
    baselineShare: baselines / regrets.length,
  };
}

/**
 * How many times the baseline's rate the best configuration reaches, over all rounds; null without the
 * baseline.
 */
export function bestGain(trials: readonly TrialRow[], strategies: readonly StrategyTraits[]): number | null {
  const rates = ratesIn(trials, [...new Set(trials.map(({ round }) => round))]);
  const baseline = strategies.find((strategy) => strategy.baseline)?.name;
  const reference = trials.find(({ strategy }) => strategy === baseline);
  const own = reference === undefined ? undefined : rates.get(configurationName(reference));
  return own === undefined ? null : Math.exp(Math.max(...rates.values()) - own);
}

/** Returns what the rule that chooses advises after these rounds. */
function adviceFrom(rounds: readonly number[], { trials, strategies, cores }: ScoreOptions) {
  const own = trials.filter(({ round }) => rounds.includes(round));
  const summaries = summarise(own, {
    effectiveCores: cores,
    corpora: own.slice(0, 1),
    strategies,
  });
  const family = familyRates(summaries, { trials: own, strategies, margin: practicalMargin });
  return choose(family)?.choice.cell ?? null;
}

/** @param rates logarithms, by configuration */
function highest(rates: ReadonlyMap<string, number>): string {
  const [first] = [...rates].sort(([, a], [, b]) => b - a);
  return (first as readonly [string, number])[0];
}

/** Share of the highest rate that a configuration gives away; all of it if it has no rate. */
function regretOf(name: string, rates: ReadonlyMap<string, number>): number {
  return 1 - Math.exp((rates.get(name) ?? Number.NEGATIVE_INFINITY) - Math.max(...rates.values()));
}

/** Mean logarithm of the rate of each configuration over some rounds. */
function ratesIn(trials: readonly TrialRow[], rounds: readonly number[]): Map<string, number> {
  const own = trials.filter(({ round }) => rounds.includes(round)).filter(isOk);
  return new Map(
    [...groupBy(own, configurationName)].map(([name, rows]) => [
      name,
      mean(rows.map((row) => Math.log(comparableRate(row)))),
    ]),
  );
}

function drawn(
  from: readonly number[],
  count: number,
  random: ReturnType<typeof xoroshiro128plus>,
): number[] {
  const left = [...from];
  return Array.from(
    { length: count },
    () => left.splice(uniformInt(random, 0, left.length - 1), 1)[0] as number,
  );
}
