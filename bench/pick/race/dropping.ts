import { mean } from '../../stats/estimate.js';
import { isNonEmpty } from '../../stats/group-by.js';
import { type Difference, type Family, moderate } from '../../stats/moderated.js';
import { comparableRate } from '../../tables/summarise.js';
import { isOk, type OkTrial, type TrialRow } from '../../tables/trial-columns.js';
import { configurationName, logRates } from '../../verdict/configurations.js';
import { counted, number } from '../../words/units.js';
import { type Configuration, nameOf } from '../configurations.js';
import { best, upper } from '../evidence.js';

/**
 * The rules by which configurations leave the race, apart from broken constraints and the time that runs
 * out.
 */

/**
 * A configuration with less than this share of the best rate leaves at once. Trials of one configuration
 * differed by a factor of 1.9 within a run on a virtual machine, so a single block has to show more than two.
 */
const hopeless = { afterOne: Math.log(1 / 3), later: Math.log(1 / 2) };
/**
 * A rate may exceed its bound by this factor: the bound rests on a document's first runs, which are its
 * slowest.
 */
const boundSlack = 1.6;
const significance = 0.05;

/** A rule that drops a configuration by its difference to the best, and the word that names the reason. */
export interface Rule {
  readonly word: string;
  readonly drops: (difference: Difference) => boolean;
}

/** Drops what is far below the best rate: its overhead is too large for documents as short as these. */
export const farSlower: Rule = {
  word: 'far slower',
  drops: ({ mean, rounds }) => mean < (rounds > 1 ? hopeless.later : hopeless.afterOne),
};

/**
 * Drops what is shown to be slower than the best; each of the compared configurations may err equally
 * often.
 */
export function slowerAmong(configurations: number): Rule {
  const alpha = significance / Math.max(1, configurations - 1);
  return { word: 'slower', drops: (difference) => upper(difference, alpha) < 0 };
}

/** Returns true if the difference by itself shows that the configuration is slower. */
export function isSlower(difference: Difference | null): boolean {
  return difference === null || upper(difference, significance) < 0;
}

export function reasonOf({ word }: Rule, { mean, rounds }: Difference, best: string): string {
  const blocks = counted(rounds, 'block');
  return `${word}: ${number(Math.exp(mean))} of the rate of \`${best}\` after ${blocks}`;
}

/**
 * A rate beyond its own bound shows that documents cost less than the survey has found. Then all bounds are
 * too low: the machine may have been slower, or the thread of the survey has costs that workers do not have.
 * @param boundOf the highest rate that a configuration could reach by the survey, by name
 * @returns the largest factor by which a trial was beyond its bound; at least 1
 */
export function excessOf(trials: readonly TrialRow[], boundOf: ReadonlyMap<string, number>): number {
  const factors = trials
    .filter(isOk)
    .map(
      (trial) => comparableRate(trial) / (boundOf.get(configurationName(trial)) ?? Number.POSITIVE_INFINITY),
    );
  return Math.max(1, ...factors);
}

/**
 * Compares what a configuration could reach at most with what another one has reached, or with the demanded
 * rate if that is less.
 * @param soFar.excess rates have exceeded their bounds by this factor
 * @returns why it cannot win
 */
export function outOfReach(
  { cell, maxRate }: Configuration,
  { trials, demandPerSecond, excess }: SoFar,
): string | null {
  const highest = Math.max(0, ...trials.filter(isOk).map(comparableRate));
  const demand = demandPerSecond ?? Number.POSITIVE_INFINITY;
  const reachable = maxRate * excess;
  if (reachable * boundSlack >= Math.min(highest, demand)) return null;
  const atOnce = cell.workers * (cell.perWorker ?? 1);
  const limit = `${atOnce} at a time give at most about ${number(reachable)} documents/s`;
  return demand < highest
    ? `out of reach: ${limit}, ${number(demand)} are asked for`
    : `out of reach: ${limit}, another configuration had ${number(highest)}`;
}

interface SoFar {
  readonly trials: readonly TrialRow[];
  readonly demandPerSecond: number | undefined;
  readonly excess: number;
}

/** Returns true if the mean rate of its trials reaches the demand. */
export function meetsDemand(trials: readonly OkTrial[], demandPerSecond: number): boolean {
  return trials.length > 0 && mean(trials.map(comparableRate)) >= demandPerSecond;
}

/** CPU time of a document of the run's sample, mean over trials, ms; infinite where it is unknown. */
export function cpuMsPerDocument(trials: readonly OkTrial[]): number {
  if (trials.length === 0) return Number.POSITIVE_INFINITY;
  return mean(
    trials.map(({ cpu_user_ms, cpu_system_ms, outcomes_ok, outcomes_failed, documents_cost_ratio }) =>
      cpu_user_ms === null || cpu_system_ms === null
        ? Number.POSITIVE_INFINITY
        : (cpu_user_ms + cpu_system_ms) / (outcomes_ok + outcomes_failed) / (documents_cost_ratio ?? 1),
    ),
  );
}

/** Collects the rates of all valid trials, so that configurations can be compared. */
export function evidenceOf(trials: readonly TrialRow[]): Family {
  return moderate(logRates(trials));
}

/** Configurations by rate, the highest first; those without a rate come last. */
export function byRate(configurations: readonly Configuration[], evidence: Family): Configuration[] {
  const left = [...configurations];
  const ordered: Configuration[] = [];
  for (;;) {
    const [next] = left;
    if (next === undefined) return ordered;
    const rated = left.map(nameOf).filter((name) => evidence.rounds(name) > 0);
    const fastest = isNonEmpty(rated) ? best(evidence, rated) : nameOf(next);
    ordered.push(
      ...left.splice(
        left.findIndex((one) => nameOf(one) === fastest),
        1,
      ),
    );
  }
}
