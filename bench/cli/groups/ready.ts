import { effectiveCores } from '../../../strategies/processes/cores.js';
import type { StrategyTraits } from '../../../strategies/strategy.js';
import { compileTask } from '../../../workloads/task-file.js';
import type { JobFile } from '../../config/job-file.js';
import type { groupFlags } from '../../config/job-keys.js';
import { below } from '../../config/kinds.js';
import { UsageError } from '../../errors.js';
import type { Budget, Claim } from '../../groups/budget.js';
import type { Group } from '../../groups/plan.js';
import { compileReduce } from '../../groups/reduce.js';
import { parseCount } from '../../words/parse.js';

import {
  brokerUrl,
  checkAdaptive,
  complete,
  type GivenRunFlags,
  type RunFlags,
  runnerOptions,
  taskOf,
} from '../run-request.js';
import { checkPerWorker } from '../run-settings.js';
import { traitsOf } from '../run-strategy.js';
import { outOf, type ReadyGroup } from './group-run.js';

export interface Asked {
  /** The options of the whole job. */
  readonly flags: GivenRunFlags & { readonly out: string };
  /** The options that the command line or a variable gives: they come before those of a group. */
  readonly overriding: ReadonlySet<string>;
  readonly job: JobFile;
  readonly options: ReturnType<typeof groupFlags>;
  readonly budget: Budget;
}

/** Looks everything up that a group needs. @throws UsageError, WorkloadError, before anything runs */
export async function readyGroup(group: Group, asked: Asked): Promise<ReadyGroup> {
  const { budget } = asked;
  const flags = flagsFor(group, asked);
  const { workers: own, ...rest } = flags;
  const options = runnerOptions(rest);
  const traits = await traitsOf(options.strategy);
  checkAdaptive(flags, traits);
  checkPerWorker(options, traits);
  const width = widthOf(group, { own: flags.serial ? undefined : own, options, traits, budget });
  const recommended = flags.config === undefined ? null : options.workers;
  const cores = coresOf(group, { traits, width });
  const claim: Claim = {
    name: group.name,
    cores,
    memoryMb:
      group.memoryBytes === null
        ? budget.memoryFor(Math.min(cores, budget.cores))
        : group.memoryBytes / 2 ** 20,
    grows:
      traits.scales &&
      traits.concurrency === 'workers' &&
      width === null &&
      flags.order === 'completion' &&
      traits.isolation !== 'machine',
    isOnMainThread: traits.isolation === 'none',
  };
  budget.refuse(claim);
  const { ref, ...task } = await compileTask(taskOf(options.task));
  return {
    group,
    flags,
    options: {
      ...options,
      workers: width ?? recommended ?? (traits.scales ? coresOfMachine() : 1),
      options: group.options,
      ...(options.delivery === undefined &&
        traits.deliveries.includes('reference') && { delivery: 'reference' as const }),
    },
    traits,
    task: { ref, ...task },
    claim,
    hasService: options.limits !== undefined || options.retry !== undefined || Boolean(options.circuit),
    reducer: group.reduce === null ? null : await compileReduce(group.reduce),
    broker: brokerUrl(flags, traits),
  };
}

/** Options of the group come before those of the job, and after those of the command line. */
function flagsFor(group: Group, { flags, overriding, job, options }: Asked): RunFlags {
  const { workers: _, ...merged }: Record<string, unknown> = { ...flags };
  for (const { name, key, kind } of options) {
    const given = group.given[key];
    if (given === undefined || overriding.has(name)) continue;
    const value = kind.read(given) as string | boolean;
    merged[name] = kind.isPath ? below(job.folder, value as string) : value;
  }
  const { docs } = merged as { docs?: string };
  if (docs === undefined)
    throw new UsageError(
      `${job.at(['groups', group.name])}: group "${group.name}": expected "docs", got nothing`,
    );
  return complete({ ...(merged as unknown as GivenRunFlags), docs, out: outOf(flags.out, group.name) });
}

/** The number of workers where it is fixed; null where the group takes what is free. */
function widthOf(
  { name, cores }: Group,
  {
    own,
    options,
    traits,
    budget,
  }: {
    readonly own: string | undefined;
    readonly options: ReadyGroup['options'];
    readonly traits: StrategyTraits;
    readonly budget: Budget;
  },
): number | null {
  if (own !== undefined) return parseCount(own, `workers of group "${name}"`);
  if (options.configuration !== undefined) return options.workers; // its axes are for this number alone
  return traits.staged === true ? (cores ?? budget.cores) : null; // stages share their workers themselves
}

/** Workers that compute are counted; documents in flight share the thread of this process. */
function coresOf(
  { name, cores }: Group,
  { traits, width }: { readonly traits: StrategyTraits; readonly width: number | null },
): number {
  const compute = traits.concurrency === 'workers' && traits.scales && traits.isolation !== 'machine';
  if (compute && width !== null && cores !== null && width !== cores)
    throw new UsageError(
      `group "${name}": expected workers and resources.cores to be equal, got ${width} and ${cores}; ` +
        'give one of them',
    );
  return cores ?? (compute ? (width ?? 1) : 1);
}

function coresOfMachine(): number {
  return Math.max(1, Math.floor(effectiveCores().effective));
}
