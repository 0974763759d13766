import { randomUUID } from 'node:crypto';
import type { OpenOptions } from '../strategies/strategy.js';
import type { SessionCache } from './cache/cache-facts.js';
import type { LimitFacts } from './limit-client.js';
import { type Limit, readLimits } from './limits.js';
import { type RetryRule, readRetry } from './retry.js';

/** Every worker of a session gets this with its task. It is plain data that JSON carries. */
export interface TaskServices {
  /** The id of the run; see `OpenOptions.runId`. */
  readonly runId: string;
  /** Null where nothing is limited. */
  readonly limits: LimitFacts | null;
  /** Null where documents are tried once. */
  readonly retry: RetryRule | null;
  /** Null where results are not cached. */
  readonly cache: SessionCache | null;
  /** False where the worker is on another machine than the limiter. */
  readonly sharesClock: boolean;
}

/**
 * The id of the run in every session that measures or checks a task. A task that returns its key then has the
 * same results in all of them.
 */
export const measuredRunId = 'measured';

/**
 * The services of a session. All its workers, and their replacements, get the same.
 * @throws RangeError for a limit that is none, and for numbers out of range
 */
export function taskServices(
  options: Pick<OpenOptions, 'runId' | 'limits' | 'retry' | 'cache' | 'channel'>,
): TaskServices {
  const { runId = randomUUID(), limits = [], channel } = options;
  return {
    runId,
    limits: limits.length === 0 ? null : factsOf(readLimits(limits)),
    retry: readRetry(options),
    cache: options.cache ?? null,
    // Another machine has the limiter where the channel leads to it.
    sharesClock: channel === undefined || !('limits' in channel),
  };
}

function factsOf(limits: readonly Limit[]): LimitFacts {
  const tokens = limits.flatMap(({ of, max }) => (of === 'tokens' ? [max] : []));
  return {
    maxAdvance: Math.floor(Math.min(...limits.map(({ max }) => max)) / 20),
    maxTokens: tokens.length === 0 ? null : Math.min(...tokens),
  };
}

/** Tells whether documents may wait for a service in their worker, and be tried again there. */
export function usesServices({ limits, retry, cache }: TaskServices): boolean {
  return limits !== null || retry !== null || cache !== null;
}
