import type { TrialRow } from '../tables/columns.js';
import { number } from '../words/units.js';
import type { Finding } from './finding.js';

/**
 * Self-tests whose answers are known: if one comes out wrong, the suite or the machine is wrong, and nothing else it
 * says can be trusted. Pure functions of trials; which trials, `forkwise doctor` decides.
 */

/** Documents that only wait: with W in flight the rate is W times that of one. */
export function sleepScales(trials: readonly TrialRow[]): Finding[] {
  const base = trials.find(({ strategy }) => strategy === 'sequential')?.documents_per_second ?? Number.NaN;
  return trials
    .filter(({ workers }) => workers > 1)
    .map(({ strategy, workers, documents_per_second }) => {
      const share = (documents_per_second ?? Number.NaN) / base / workers;
      return within(
        `sleep ${strategy} × ${workers}`,
        share,
        1,
        0.05,
        `${number(share * workers)} times the rate of one in flight`,
      );
    });
}

/** Documents of the same instructions cost the same CPU time in every strategy, at the same number of busy workers. */
export function spinCostsTheSame(trials: readonly TrialRow[]): Finding[] {
  const cost = ({ cpu_user_ms, cpu_system_ms, passes, documents }: TrialRow) =>
    ((cpu_user_ms ?? Number.NaN) + (cpu_system_ms ?? 0)) / ((passes ?? 0) * documents);
  const busy = ({ strategy, workers }: TrialRow) =>
    strategy === 'sequential' || strategy === 'async' ? 1 : workers;
  return trials.flatMap((trial) => {
    const same = trials
      .filter((other) => busy(other) === busy(trial))
      .map(cost)
      .sort((a, b) => a - b);
    const middle = same[Math.floor(same.length / 2)] as number;
    return within(
      `spin ${trial.strategy} × ${trial.workers}`,
      cost(trial) / middle,
      1,
      0.05,
      `${number(cost(trial))} ms of CPU a document, median ${number(middle)}`,
    );
  });
}

/** Cores bound cpu work: nothing is faster than the cores at hand, and `async` not faster than one. */
export function cpuIsBounded(trials: readonly TrialRow[], cores: number): Finding[] {
  const base = trials.find(({ strategy }) => strategy === 'sequential')?.documents_per_second ?? Number.NaN;
  return trials.map(({ strategy, workers, documents_per_second }) => {
    const speedup = (documents_per_second ?? Number.NaN) / base;
    const bound = strategy === 'async' ? 1 : Math.min(workers, cores);
    const name = `bound ${strategy} × ${workers}`;
    const said = `speed-up ${number(speedup)}, at most ${number(bound)} is possible`;
    return speedup <= bound * 1.05
      ? { name, level: 'ok', said }
      : { name, level: 'unfit', said, remedy: suspect };
  });
}

/** Little's law: the documents in flight on average are the rate times the mean latency; here W by construction. */
export function littlesLaw(trials: readonly TrialRow[]): Finding[] {
  return trials
    .filter(({ strategy }) => strategy === 'sequential' || strategy === 'async')
    .map(({ strategy, workers, in_flight_mean, documents }) => {
      const share = (in_flight_mean ?? Number.NaN) / workers;
      // The last documents of a pass leave their places empty.
      return within(
        `little ${strategy} × ${workers}`,
        share,
        1,
        Math.max(0.05, workers / documents),
        `${number(share * workers)} in flight on average, ${workers} allowed`,
      );
    });
}

/** The suite's count of the tree's CPU time against the kernel's own for the same processes. */
export function cpuAgrees(trials: readonly TrialRow[]): Finding[] {
  return trials.flatMap(({ strategy, workers, cpu_user_ms, cpu_system_ms, tree_cpu_check_ms }) => {
    const name = `cpu ${strategy} × ${workers}`;
    if (tree_cpu_check_ms === null)
      return { name, level: 'unknown', said: 'there is no second count to compare with here' };
    const counted = (cpu_user_ms ?? Number.NaN) + (cpu_system_ms ?? 0);
    return within(
      name,
      counted / tree_cpu_check_ms,
      1,
      0.01 + 20 / tree_cpu_check_ms,
      `${number(counted)} ms counted, ${number(tree_cpu_check_ms)} by the kernel`,
    );
  });
}

export function samplingIsCheap(trials: readonly TrialRow[]): Finding {
  const most = Math.max(...trials.map(({ sampler_cpu_percent }) => sampler_cpu_percent ?? 0));
  const said = `sampling cost at most ${number(most)} % of one core`;
  return most <= 1
    ? { name: 'sampler', level: 'ok', said }
    : { name: 'sampler', level: 'unfit', said, remedy: suspect };
}

const suspect =
  'measure again on a quiet machine; if it stays, the suite is wrong here: please report it with this output';

function within(name: string, value: number, expected: number, tolerance: number, said: string): Finding {
  return Math.abs(value - expected) <= tolerance
    ? { name, level: 'ok', said }
    : { name, level: 'unfit', said, remedy: suspect };
}
