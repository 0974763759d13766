import { readFileSync } from 'node:fs';
import { type Recommendation, type RunnerOptions, readRecommendation } from '../../index.js';
import { adapts } from '../../runner/adapts.js';
import { strategies } from '../../strategies/index.js';
import { effectiveCores } from '../../strategies/processes/cores.js';
import type { Configuration, StrategyEntry, StrategyTraits } from '../../strategies/strategy.js';
import { UsageError, unknownName } from '../errors.js';
import { type Again, statusesNotOk } from '../job/again.js';
import { type Compression, compressions } from '../job/shards/compression.js';
import type { ShardOptions } from '../job/shards/shards.js';
import { parseCount, parseDuration, parseList, parseSize } from '../words/parse.js';
import { parseStages } from '../words/stages.js';
import { type ServiceFlags, serviceOptions } from './service-options.js';

/** What the flags of `forkwise run` ask for. */

export interface GivenRunFlags extends ServiceFlags {
  task?: string;
  docs?: string;
  out?: string;
  shards?: string;
  shardSize?: string;
  shardCompression?: string;
  order: string;
  config?: string;
  strategy?: string;
  workers?: string;
  perWorker?: string;
  stages?: string;
  adaptive?: true;
  timeout?: string;
  grace: string;
  retry?: string;
  changed: string;
  force?: true;
  json?: true;
  broker?: string;
  serial?: true;
  job?: string | false;
}

/** The flags of a job with one set of documents. */
export type RunFlags = Omit<GivenRunFlags, 'order'> & { docs: string; target: Target; order: LineOrder };

/** @throws UsageError when documents or results are not named */
export function complete(flags: GivenRunFlags): RunFlags {
  const { docs } = flags;
  if (docs === undefined) throw new UsageError('expected --docs, a folder or a glob of your documents');
  return { ...flags, docs, target: targetOf(flags), order: orderOf(flags) };
}

/** The results of a job go to this file or folder. */
export type Target =
  | { readonly kind: 'out'; readonly path: string }
  | { readonly kind: 'shards'; readonly path: string; readonly options: ShardOptions };

/** Lines are written in the order in which documents finish, or in the order of the documents. */
export type LineOrder = 'completion' | 'input';

const defaultShardSize = '64MB';
/** A shard is read as a whole when a job goes on. */
const maxShardBytes = 1e9;

/** @throws UsageError unless the flags name one place */
function targetOf({ out, shards, shardSize, shardCompression }: GivenRunFlags): Target {
  if (out === '') throw new UsageError('expected --out to be the path of a file, got ""');
  if (shards === '') throw new UsageError('expected --shards to be the path of a folder, got ""');
  if (out !== undefined && shards !== undefined)
    throw new UsageError('expected either --out or --shards, got both: results go to one place');
  if (shards === undefined) {
    for (const [flag, given] of [
      ['--shard-size', shardSize],
      ['--shard-compression', shardCompression],
    ])
      if (given !== undefined) throw new UsageError(`expected --shards <folder> with ${flag}, got none`);
    if (out !== undefined) return { kind: 'out', path: out };
    throw new UsageError(
      'expected --out, a file for a line per document, or --shards, a folder of such files',
    );
  }
  const limit = parseSize(shardSize ?? defaultShardSize, '--shard-size');
  if (limit > maxShardBytes)
    throw new UsageError(`expected --shard-size to be at most 1GB, got "${shardSize}"`);
  return { kind: 'shards', path: shards, options: { limit, compression: compressionOf(shardCompression) } };
}

function compressionOf(text = 'none'): Compression {
  const compression = compressions.find((name) => name === text);
  if (compression === undefined) throw unknownName('--shard-compression', text, compressions);
  return compression;
}

/** @throws UsageError */
function orderOf({ order }: GivenRunFlags): LineOrder {
  if (order === 'completion' || order === 'input') return order;
  throw new UsageError(`expected --order to be completion or input, got "${order}"`);
}

/** Reads which documents run again although they have a line. @throws UsageError */
export function againOf({ retry, changed }: RunFlags): Again {
  if (changed !== 'keep' && changed !== 'run')
    throw new UsageError(`expected --changed to be keep or run, got "${changed}"`);
  const statuses = retry === undefined ? [] : parseList(retry, '--retry', statusOf);
  return { retry: new Set(statuses), changed: changed === 'run' };
}

function statusOf(text: string): (typeof statusesNotOk)[number] {
  const status = statusesNotOk.find((status) => status === text);
  if (status === undefined) throw unknownName('status in --retry', text, statusesNotOk);
  return status;
}

const noTask = 'expected --task, the path of a module like ./parse.ts';

/** Flags of the command line override the recommendation. @throws UsageError */
export function runnerOptions(flags: RunFlags): RunnerOptions & { readonly workers: number } {
  const config = flags.config === undefined ? null : readConfig(flags.config);
  const { task, strategy, workers, timeout } = flags;
  if (flags.serial) {
    if (flags.adaptive)
      throw new UsageError('--serial runs one document at a time, so it cannot be combined with --adaptive');
    return serially(flags, config);
  }
  if (strategy !== undefined && !strategies.some(({ name }) => name === strategy))
    throw unknownName(
      'strategy',
      strategy,
      strategies.map(({ name }) => name),
    );
  const chosen = strategy ?? config?.strategy;
  if (chosen === undefined)
    throw new UsageError(
      'expected a strategy: give --strategy (and --workers), or --config recommendation.json, ' +
        'which `forkwise pick` writes for your task and documents',
    );
  const given = task ?? config?.task;
  if (given === undefined) throw new UsageError(noTask);
  const timeoutMs = timeout === undefined ? (config?.timeoutMs ?? null) : parseDuration(timeout, '--timeout');
  const own = {
    ...serviceOptions(flags),
    task: given,
    timeoutMs,
    ...(workers !== undefined && { workers: parseCount(workers, '--workers') }),
    ...(flags.perWorker !== undefined && { perWorker: parseCount(flags.perWorker, '--per-worker') }),
    ...(flags.adaptive && { adaptive: true }),
    ...(flags.stages !== undefined && split(flags.stages, flags)),
  };
  // Another strategy has other deliveries and counts, and another number of workers has other axes.
  if (config !== null && config.strategy === chosen) {
    if (own.workers === undefined) return { ...config, ...own, workers: config.workers };
    const { configuration: _, ...rest } = config;
    return { ...rest, ...own, workers: own.workers };
  }
  return { strategy: chosen, workers: Math.max(1, Math.floor(effectiveCores().effective)), ...own };
}

/** Workers of each stage by `--stages`; they are all workers. @throws UsageError */
function split(
  stages: string,
  { workers }: RunFlags,
): { readonly configuration: Configuration; readonly workers: number } {
  if (workers !== undefined)
    throw new UsageError('--stages and --workers cannot be combined: stages have all workers; leave one out');
  const configuration = parseStages(stages);
  return { configuration, workers: Object.values(configuration).reduce((sum, n) => sum + n, 0) };
}

/** The same documents, one after the other on the main thread. @throws UsageError when no task is named */
function serially(
  flags: RunFlags,
  config: Recommendation | null,
): RunnerOptions & { readonly workers: number } {
  const { task, timeout } = flags;
  const given = task ?? config?.task;
  if (given === undefined) throw new UsageError(noTask);
  return {
    task: given,
    strategy: (strategies[0] as StrategyEntry).name, // the baseline
    workers: 1,
    ...serviceOptions(flags),
    timeoutMs: timeout === undefined ? (config?.timeoutMs ?? null) : parseDuration(timeout, '--timeout'),
  };
}

/** Reads a recommendation. @throws UsageError that names the file */
export function readConfig(path: string): Recommendation {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`--config "${path}": cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    return readRecommendation(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(`--config "${path}": ${(cause as Error).message}`, { cause });
  }
}

export function taskOf(task: RunnerOptions['task']): string | URL {
  return typeof task === 'string' || task instanceof URL ? task : `${task.file}#${task.export}`;
}

/**
 * Returns the URL of the broker that a strategy between machines uses; null when it starts its own, and for
 * other strategies.
 * @throws UsageError when `--broker` is given for another strategy
 */
export function brokerUrl(
  { broker }: RunFlags,
  { name, isolation }: Pick<StrategyTraits, 'name' | 'isolation'>,
): string | null {
  if (isolation === 'machine') return broker ?? process.env[brokerVariable] ?? null;
  // A machine may have the variable for all jobs on it.
  if (broker === undefined || broker === process.env[brokerVariable]) return null;
  throw new UsageError(`expected a strategy between machines with --broker, and "${name}" is none`);
}

/** @throws UsageError when nothing adapts in the strategy */
export function checkAdaptive({ adaptive }: RunFlags, traits: StrategyTraits): void {
  if (adaptive && adapts(traits) === null)
    throw new UsageError(
      'expected a strategy that runs several documents at a time on one thread with --adaptive, ' +
        `and "${traits.name}" does not`,
    );
}

/** The address of the broker may have a password, which process lists would show. */
export const brokerVariable = 'FORKWISE_BROKER';
