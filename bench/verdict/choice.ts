import { type Isolation, isolations } from '../../strategies/strategy.js';
import { isNonEmpty, type NonEmpty } from '../stats/group-by.js';
import { type Difference, type Family, interval, type LogRate, moderate } from '../stats/moderated.js';

/**
 * The one rule that decides which configuration to use. `bench`, `report`, `pick`, `recommend`, the
 * situations, the winner map and the captions all call it.
 *
 * 1. The baseline (`sequential`) is the choice, unless the calibrated 95 % interval of some configuration
 *    over it lies wholly beyond the margin.
 * 2. Otherwise the candidates are the configurations whose estimate is within 3 % of the best and that were
 *    measured in at least half of the best one's rounds. Of the candidates the weakest isolation wins, then
 *    the fewest workers, then the highest rate. The best is one of those with at least half of the most
 *    rounds of any but the baseline; if none of them is shown to be faster than the baseline, one that is.
 * 3. A configuration that is a candidate at every size of a workload is preferred (`chooseTogether`).
 *
 * Everything here is a pure function of log rates, traits and the margin. The order of the input does not
 * matter.
 */

/** A difference smaller than 3 % has no practical use. As a log ratio. */
export const practicalMargin = Math.log(1.03);

/** A strategy × workers × delivery, as far as the rule needs to know it. */
export interface Configuration {
  /** The name is unique among the configurations of one family, and the same at every size. */
  readonly name: string;
  readonly isolation: Isolation;
  readonly workers: number;
  /** True for the strategy that all gains are measured against. */
  readonly baseline: boolean;
  /**
   * True where a constraint rules it out. Its rates still inform the variances, and it may still be the
   * baseline.
   */
  readonly barred: boolean;
}

/** The configurations of one workload and corpus, and what was measured of them. */
export interface FamilyRates<C extends Configuration> {
  readonly configurations: readonly C[];
  /** At most one rate per configuration and round; configurations may have different numbers of rounds. */
  readonly rates: readonly LogRate[];
  /** Log ratio below which a difference does not count. */
  readonly margin: number;
  /**
   * Name of a configuration that was chosen before, under constraints: it is judged, and nothing is chosen
   * again.
   */
  readonly chosen?: string | undefined;
}

/**
 * A ratio of two rates with its calibrated 95 % interval; the ends are null where the scatter is not known.
 */
export interface Ratio {
  readonly ratio: number;
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * How another configuration relates to the choice. `as good`: the interval of the ratio lies within 3 %;
 * `slower`, `faster`: it lies wholly beyond the margin; `too few rounds`: neither, and the configuration has
 * less than half of the choice's rounds, as one that left a race early; `not told apart`: everything else.
 */
export type Relation = 'as good' | 'slower' | 'faster' | 'not told apart' | 'too few rounds';

/** A rival is compared with the choice. */
export interface Rival<C extends Configuration> {
  readonly configuration: C;
  /** Rate of the rival ÷ rate of the choice; null where they have no round in common. */
  readonly ratio: Ratio | null;
  readonly relation: Relation;
}

export interface Choice<C extends Configuration> {
  readonly choice: C;
  /** The highest rate by estimate among the configurations that may be chosen. */
  readonly best: C;
  /** The configurations that the rule chose from, by name. */
  readonly candidates: readonly C[];
  /**
   * The choice over the baseline; null where the choice is the baseline or where the baseline was not
   * measured.
   */
  readonly gain: Ratio | null;
  /** The best over the choice; null where the choice is the best. */
  readonly shortfall: Ratio | null;
  /** Every other configuration that may be chosen, the fastest first. */
  readonly rivals: readonly Rival<C>[];
  /**
   * Regret bound: the share of the rate that following the advice may cost, at 95 %, against the best of all
   * but `leftOut`. Null below three rounds, and where nothing else was measured often enough to be compared.
   */
  readonly regretBound: number | null;
  /** Rivals with a single round in common with the choice, or none: nothing bounds their rate. */
  readonly leftOut: readonly C[];
  /** Rounds in which the choice was measured. */
  readonly rounds: number;
  readonly margin: number;
}

/** @returns the choice for one workload and corpus; null where no configuration with a rate may be chosen */
export function choose<C extends Configuration>(family: FamilyRates<C>): Choice<C> | null {
  return chooseTogether([family])[0] ?? null;
}

/**
 * The choices for all corpora of one workload. A configuration that is a candidate wherever the baseline is
 * not the choice is preferred to a different one at each size; of several, the same order decides as at one
 * size, with the geometric mean of the rates over the sizes as the rate.
 * @returns one entry per family, null where no configuration with a rate may be chosen
 */
export function chooseTogether<C extends Configuration>(
  families: readonly FamilyRates<C>[],
): (Choice<C> | null)[] {
  const contests = families.map(contestOf);
  const open = contests.filter((contest) => contest !== null).filter(({ settled }) => !settled);
  const shared = commonCandidates(open);
  const sum = (name: string) => open.reduce((total, contest) => total + contest.logRate(name), 0);
  const common = isNonEmpty(shared) ? simplest(shared, sum) : null;
  return contests.map((contest) => {
    if (contest === null) return null;
    const preferred = contest.settled
      ? undefined
      : contest.candidates.find(({ name }) => name === common?.name);
    return judge(contest, preferred ?? simplest(contest.candidates, contest.logRate));
  });
}

/**
 * Evidence that `a` is faster: the calibrated 95 % interval of `a` over `b` lies wholly beyond the margin.
 */
function isShownFaster(difference: Difference | null, margin: number): boolean {
  const ends = difference === null ? null : interval(difference);
  return ends !== null && ends.low > margin;
}

/** Where both have a single round and so no interval, only more than twice the rate counts as faster. */
function isFarFaster(family: Family, a: string, b: string): boolean {
  const difference = family.difference(a, b);
  return (
    family.rounds(a) === 1 && family.rounds(b) === 1 && difference !== null && difference.mean > -hopeless
  );
}

/** A contest is one family on the way to its choice. */
interface Contest<C extends Configuration> {
  readonly family: Family;
  readonly margin: number;
  readonly allowed: readonly C[];
  readonly baseline: C | null;
  readonly best: C;
  readonly candidates: NonEmpty<C>;
  /** True where there is only one candidate: the baseline by rule 1, or the one that was chosen before. */
  readonly settled: boolean;
  /** Log rate by estimate, against the best. */
  readonly logRate: (name: string) => number;
}

function contestOf<C extends Configuration>({
  configurations,
  rates,
  margin,
  chosen,
}: FamilyRates<C>): Contest<C> | null {
  const family = moderate(inOrder(rates));
  const measured = [...configurations].filter(({ name }) => family.rounds(name) > 0).sort(byName);
  const allowed = measured.filter(({ barred }) => !barred);
  const baseline = measured.find((configuration) => configuration.baseline) ?? null;
  const faster = allowed.filter(
    ({ name }) =>
      baseline !== null &&
      (isShownFaster(family.difference(name, baseline.name), margin) ||
        isFarFaster(family, name, baseline.name)),
  );
  const best = bestOf(allowed, { faster, family });
  if (best === null) return null;
  const logRate = (name: string) =>
    name === best.name ? 0 : (family.difference(name, best.name)?.mean ?? Number.NEGATIVE_INFINITY);
  const fixed = measured.find(({ name }) => name === chosen) ?? null;
  const kept = fixed ?? (baseline === null || baseline.barred || faster.length > 0 ? null : baseline);
  const near = allowed.filter(
    (configuration) =>
      !configuration.baseline &&
      logRate(configuration.name) > -practicalMargin &&
      2 * family.rounds(configuration.name) >= family.rounds(best.name),
  );
  const open: NonEmpty<C> = isNonEmpty(near) ? near : [best];
  const candidates: NonEmpty<C> = kept === null ? open : [kept];
  return { family, margin, allowed, baseline, best, candidates, settled: kept !== null, logRate };
}

/** Leaves out what has less than half of the most rounds: the one lucky round of a race is no estimate. */
export function oftenMeasured<T>(all: readonly T[], roundsOf: (one: T) => number): T[] {
  const most = Math.max(0, ...all.map(roundsOf));
  return all.filter((one) => 2 * roundsOf(one) >= most);
}

/**
 * The configuration that is ahead of the most others in their common rounds, of those measured often. Where
 * some are shown to be faster than the baseline, it is not the baseline, which a race measures to its end:
 * what left the race earlier has less than half of its rounds.
 */
function bestOf<C extends Configuration>(
  allowed: readonly C[],
  { faster, family }: { readonly faster: readonly C[]; readonly family: Family },
): C | null {
  const among = faster.length === 0 ? allowed : allowed.filter(({ baseline }) => !baseline);
  const often = oftenMeasured(among, ({ name }) => family.rounds(name));
  const eligible = faster.length === 0 || often.some((one) => faster.includes(one)) ? often : faster;
  const wins = ({ name }: C) =>
    eligible.filter((other) => (family.difference(name, other.name)?.mean ?? 0) > 0).length;
  return (
    eligible.reduce<{ configuration: C; wins: number } | null>((best, configuration) => {
      const own = wins(configuration);
      return best === null || own > best.wins ? { configuration, wins: own } : best;
    }, null)?.configuration ?? null
  );
}

function commonCandidates<C extends Configuration>(contests: readonly Contest<C>[]): C[] {
  const [first, ...others] = contests;
  return (first?.candidates ?? []).filter(({ name }) =>
    others.every(({ candidates }) => candidates.some((candidate) => candidate.name === name)),
  );
}

/** Takes the weakest isolation, then the fewest workers, then the highest rate, then the first name. */
function simplest<C extends Configuration>(candidates: NonEmpty<C>, logRate: (name: string) => number): C {
  const rank = ({ isolation }: C) => isolations.indexOf(isolation);
  const order = (a: C, b: C) =>
    rank(a) - rank(b) || a.workers - b.workers || logRate(b.name) - logRate(a.name) || byName(a, b);
  return candidates.reduce((first, candidate) => (order(candidate, first) < 0 ? candidate : first));
}

/** Collects the claims about the choice. Each of them compares the choice itself with something. */
function judge<C extends Configuration>(contest: Contest<C>, choice: C): Choice<C> {
  const { family, margin, allowed, baseline, best, candidates } = contest;
  const rivals = allowed
    .filter((configuration) => configuration !== choice)
    .map((configuration) =>
      rivalOf(configuration, family.difference(configuration.name, choice.name), {
        margin,
        few: 2 * family.rounds(configuration.name) < family.rounds(choice.name),
      }),
    )
    .sort(
      (a, b) => (b.ratio?.ratio ?? 0) - (a.ratio?.ratio ?? 0) || byName(a.configuration, b.configuration),
    );
  return {
    choice,
    best,
    candidates,
    gain:
      baseline === null || baseline === choice
        ? null
        : ratioOf(family.difference(choice.name, baseline.name)),
    shortfall: best === choice ? null : ratioOf(family.difference(best.name, choice.name)),
    rivals,
    regretBound: regretBound(family, { choice, rivals }),
    leftOut: rivals.filter(isLeftOut).map(({ configuration }) => configuration),
    rounds: family.rounds(choice.name),
    margin,
  };
}

function rivalOf<C extends Configuration>(
  configuration: C,
  difference: Difference | null,
  { margin, few }: { readonly margin: number; readonly few: boolean },
): Rival<C> {
  const shown = relationOf(difference, margin);
  const relation = few && shown === 'not told apart' ? 'too few rounds' : shown;
  return { configuration, ratio: ratioOf(difference), relation };
}

/**
 * Half of the rate. A single round has no interval, and this is far beyond the scatter of trials on a quiet
 * machine. It is a stopgap and no proof: on a busy machine a trial can be disturbed by more.
 */
const hopeless = Math.log(0.5);

/**
 * True if an interval of a log ratio lies within 3 %. The margin of a noisy run is wider, and makes it
 * harder to show a difference: it must not make it easier to show that there is none.
 */
export function isEquivalent({ low, high }: { readonly low: number; readonly high: number }): boolean {
  return low > -practicalMargin && high < practicalMargin;
}

function relationOf(difference: Difference | null, margin: number): Relation {
  const ends = difference === null ? null : interval(difference);
  if (ends === null) return difference !== null && difference.mean < hopeless ? 'slower' : 'not told apart';
  if (ends.low > margin) return 'faster';
  if (ends.high < -margin) return 'slower';
  return isEquivalent(ends) ? 'as good' : 'not told apart';
}

export function ratioOf(difference: Difference | null): Ratio | null {
  if (difference === null) return null;
  const ends = interval(difference);
  return {
    ratio: Math.exp(difference.mean),
    low: ends && Math.exp(ends.low),
    high: ends && Math.exp(ends.high),
  };
}

const significance = 0.05;
/** Intervals of fewer rounds are not calibrated, and too wide for a bound. */
const minBoundRounds = 3;

/** True for what left a race after one block: its ratio to the choice has no interval. */
function isLeftOut({ relation, ratio }: Rival<Configuration>): boolean {
  return relation === 'too few rounds' && (ratio === null || ratio.low === null);
}

/**
 * The highest one-sided upper end over the rivals that are neither shown to be slower nor left out, which
 * share the 5 % equally. It is unknown below three rounds, and where no rival's ratio to the choice has an
 * interval: then nothing shows that the others are worse.
 */
function regretBound<C extends Configuration>(
  family: Family,
  { choice, rivals }: Pick<Choice<C>, 'choice' | 'rivals'>,
): number | null {
  const compared = rivals.some(({ ratio }) => ratio !== null && ratio.low !== null);
  if (!compared || family.rounds(choice.name) < minBoundRounds) return null;
  const open = rivals.filter((rival) => rival.relation !== 'slower' && !isLeftOut(rival));
  const bounds = open.map(({ configuration }) => {
    const difference = family.difference(configuration.name, choice.name);
    const ends = difference && interval(difference, { confidence: 1 - (2 * significance) / open.length });
    return ends?.high ?? Number.POSITIVE_INFINITY;
  });
  const worst = Math.max(0, ...bounds);
  return Number.isFinite(worst) ? 1 - Math.exp(-worst) : null;
}

/** Sums of floating-point numbers depend on their order, so the input's order is made the same first. */
function inOrder(rates: readonly LogRate[]): LogRate[] {
  return [...rates].sort((a, b) => a.round - b.round || compareText(a.configuration, b.configuration));
}

function byName(a: Configuration, b: Configuration): number {
  return compareText(a.name, b.name);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
