import type { StrategyTraits } from '../../strategies/strategy.js';
import { median } from '../stats/estimate.js';
import type { TrialRow } from '../tables/trial-columns.js';
import { number } from '../words/units.js';
import type { Finding } from './finding.js';

/**
 * The answers of these self-tests are known. If one is wrong, then the suite or the machine is wrong, and
 * no other result can be trusted. The tests are pure functions of trials; `forkwise doctor` decides which
 * trials there are.
 */

/** Tests get a trial with a rate, and the traits of its strategy. */
export interface Known {
  readonly trial: Exclude<TrialRow, { readonly status: 'failed' }>;
  readonly strategy: Pick<StrategyTraits, 'isolation' | 'baseline'>;
}

/** Documents only wait: with W in flight the rate is W times the rate of one. */
export function sleepScales(known: readonly Known[]): Finding[] {
  const base = baselineRate(known);
  return known
    .filter(({ trial }) => trial.workers > 1)
    .map(({ trial: { strategy, workers, documents_per_second } }) => {
      const share = documents_per_second / base / workers;
      return within(
        `sleep ${strategy} × ${workers}`,
        `${number(share * workers)} times the rate of one in flight`,
        {
          value: share,
          expected: 1,
          tolerance: 0.05,
        },
      );
    });
}

/** Documents of the same instructions cost the same CPU time in every strategy with as many busy workers. */
export function spinCostsTheSame(known: readonly Known[]): Finding[] {
  const measured = known.flatMap(({ trial, strategy }) => {
    const { cpu_user_ms, cpu_system_ms, passes, documents } = trial;
    if (cpu_user_ms === null || cpu_system_ms === null) return [];
    const busy = strategy.isolation === 'none' ? 1 : trial.workers;
    return [{ trial, busy, cost: (cpu_user_ms + cpu_system_ms) / (passes * documents) }];
  });
  return measured.map(({ trial, busy, cost }) => {
    const middle = median(measured.filter((other) => other.busy === busy).map((other) => other.cost)) ?? cost;
    const said = `${number(cost)} ms of CPU per document, median ${number(middle)}`;
    const name = `spin ${trial.strategy} × ${trial.workers}`;
    return within(name, said, { value: cost / middle, expected: 1, tolerance: 0.05 });
  });
}

/** Cores limit cpu work: no strategy is faster than all cores, and one thread is not faster than one core. */
export function cpuIsBounded(known: readonly Known[], cores: number): Finding[] {
  const base = baselineRate(known);
  return known.map(({ trial, strategy: { isolation } }) => {
    const speedup = trial.documents_per_second / base;
    const bound = isolation === 'none' ? 1 : Math.min(trial.workers, cores);
    const name = `bound ${trial.strategy} × ${trial.workers}`;
    const said = `speed-up ${number(speedup)}, at most ${number(bound)} is possible`;
    return speedup <= bound * 1.05
      ? { name, level: 'ok', said }
      : { name, level: 'unfit', said, remedy: suspect };
  });
}

/**
 * Little's law says that rate times mean latency is the mean number of documents in flight, which is
 * `workers` here.
 */
export function littlesLaw(known: readonly Known[]): Finding[] {
  return known
    .filter(({ strategy }) => strategy.isolation === 'none')
    .map(({ trial: { strategy, workers, in_flight_mean, documents } }) => {
      const share = (in_flight_mean ?? Number.NaN) / workers;
      const said = `${number(share * workers)} in flight on average, ${workers} allowed`;
      // The last documents of a pass leave their places empty.
      const tolerance = Math.max(0.05, workers / documents);
      return within(`little ${strategy} × ${workers}`, said, { value: share, expected: 1, tolerance });
    });
}

/** The suite's count of the tree's CPU time agrees with the kernel's count of the same processes. */
export function cpuAgrees(known: readonly Known[]): Finding[] {
  return known.map(({ trial }) => {
    const { strategy, workers, cpu_user_ms, cpu_system_ms, tree_cpu_check_ms } = trial;
    const name = `cpu ${strategy} × ${workers}`;
    if (tree_cpu_check_ms === null || cpu_user_ms === null || cpu_system_ms === null)
      return { name, level: 'unknown', said: 'there is no second count to compare with on this system' };
    const counted = cpu_user_ms + cpu_system_ms;
    return within(name, `${number(counted)} ms counted, ${number(tree_cpu_check_ms)} by the kernel`, {
      value: counted / tree_cpu_check_ms,
      expected: 1,
      tolerance: 0.01 + 20 / tree_cpu_check_ms,
    });
  });
}

export function samplingIsCheap(known: readonly Known[]): Finding {
  const max = Math.max(0, ...known.map(({ trial }) => trial.sampler_cpu_percent ?? 0));
  const said = `sampling used at most ${number(max)} % of one core`;
  return max <= 1
    ? { name: 'sampler', level: 'ok', said }
    : { name: 'sampler', level: 'unfit', said, remedy: suspect };
}

const suspect =
  'measure again on a quiet machine; if the result is the same, the suite is wrong on this system: ' +
  'please report it with this output';

function baselineRate(known: readonly Known[]): number {
  const baseline = known.find(({ strategy }) => strategy.baseline);
  return baseline?.trial.documents_per_second ?? Number.NaN;
}

function within(
  name: string,
  said: string,
  { value, expected, tolerance }: { value: number; expected: number; tolerance: number },
): Finding {
  return Math.abs(value - expected) <= tolerance
    ? { name, level: 'ok', said }
    : { name, level: 'unfit', said, remedy: suspect };
}
