import { readFileSync } from 'node:fs';
import { type Recommendation, type RunnerOptions, readRecommendation } from '../../index.js';
import { strategies } from '../../strategies/index.js';
import { effectiveCores } from '../../strategies/processes/cores.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import { UsageError, unknownName } from '../errors.js';
import { type Again, statusesNotOk } from '../job/again.js';
import { parseCount, parseDuration, parseList } from '../words/parse.js';

/** What the flags of `forkwise run` ask for. */

export interface RunFlags {
  task?: string;
  docs: string;
  out: string;
  config?: string;
  strategy?: string;
  workers?: string;
  timeout?: string;
  grace: string;
  retry?: string;
  changed: string;
  force?: true;
  json?: true;
  broker?: string;
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

/** Flags of the command line override the recommendation. @throws UsageError */
export function runnerOptions(flags: RunFlags): RunnerOptions & { readonly workers: number } {
  const config = flags.config === undefined ? null : readConfig(flags.config);
  const { task, strategy, workers, timeout } = flags;
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
  if (given === undefined) throw new UsageError('expected --task, the path of a module like ./parse.ts');
  const timeoutMs = timeout === undefined ? (config?.timeoutMs ?? null) : parseDuration(timeout);
  const own = {
    task: given,
    timeoutMs,
    ...(workers !== undefined && { workers: parseCount(workers, '--workers') }),
  };
  // Another strategy has other deliveries and counts, and another number of workers has other axes.
  if (config !== null && config.strategy === chosen) {
    if (own.workers === undefined) return { ...config, ...own, workers: config.workers };
    const { configuration: _, ...rest } = config;
    return { ...rest, ...own, workers: own.workers };
  }
  return { strategy: chosen, workers: Math.max(1, Math.floor(effectiveCores().effective)), ...own };
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
  if (broker === undefined) return null;
  throw new UsageError(`expected a strategy between machines with --broker, and "${name}" is none`);
}

/** The address of the broker may have a password, which process lists would show. */
export const brokerVariable = 'FORKWISE_BROKER';
