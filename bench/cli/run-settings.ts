import type { RunnerOptions } from '../../runner/create-runner.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import type { JobFile } from '../config/job-file.js';
import { UsageError } from '../errors.js';
import { optionsOf, reduceOf } from '../groups/plan.js';
import type { Again } from '../job/again.js';
import { parseDuration } from '../words/parse.js';
import {
  againOf,
  brokerUrl,
  checkAdaptive,
  complete,
  type GivenRunFlags,
  type RunFlags,
  runnerOptions,
} from './run-request.js';
import { traitsOf } from './run-strategy.js';

/** What `forkwise run` is to do, from its flags, its job file and the traits of the strategy. */
export interface RunSettings {
  readonly flags: RunFlags;
  readonly traits: StrategyTraits;
  readonly options: RunnerOptions & { readonly workers: number };
  readonly again: Again;
  /** Documents that are running may take this time after a signal, ms. */
  readonly graceMs: number;
  /** Null: the strategy needs no broker, or starts its own. */
  readonly broker: string | null;
  /** The module that reduces the outcomes; null where there is none. */
  readonly reducePath: string | null;
}

/** Names the documents per worker where they are several. A split of `hybrid` may have them as an axis. */
export function perWorkerOf({ perWorker, configuration }: RunnerOptions): { readonly perWorker?: number } {
  const count = configuration?.perWorker ?? perWorker ?? 1;
  return count > 1 ? { perWorker: count } : {};
}

/** @throws UsageError for a strategy whose workers run one document at a time */
export function checkPerWorker(options: RunnerOptions, traits: StrategyTraits): void {
  if ((options.perWorker ?? 1) > 1 && traits.perWorker !== true)
    throw new UsageError(
      `expected a strategy that runs several documents per worker with --per-worker, and "${traits.name}" ` +
        'is none; see forkwise list',
    );
}

const byReference = { delivery: 'reference' } as const;

/** @throws UsageError */
export async function runSettings(given: GivenRunFlags, job: JobFile | null): Promise<RunSettings> {
  const flags = complete(given);
  const chosen = runnerOptions(flags);
  const taskOptions = optionsOf(job);
  const traits = await traitsOf(chosen.strategy);
  const options = {
    ...chosen,
    ...(taskOptions !== null && { options: taskOptions }),
    workers: traits.scales ? chosen.workers : 1,
    // Workers read the documents, unless a recommendation says that another way was faster.
    ...(chosen.delivery === undefined && traits.deliveries.includes('reference') && byReference),
  };
  const [again, graceMs] = [againOf(flags), parseDuration(flags.grace, '--grace')];
  const broker = brokerUrl(flags, traits);
  if (flags.stages !== undefined && !flags.serial && traits.staged !== true)
    throw new UsageError(
      `expected a strategy with workers for each stage with --stages, and "${traits.name}" is none`,
    );
  checkPerWorker(options, traits);
  checkAdaptive(flags, traits);
  const reducePath = reduceOf(job);
  if (reducePath !== null && flags.target.kind === 'shards')
    throw new UsageError('expected --out with "reduce" in the job file, got --shards');
  return { flags, traits, options, again, graceMs, broker, reducePath };
}
