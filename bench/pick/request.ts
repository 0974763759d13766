import { isolationsOf, type StrategyTraits } from '../../strategies/strategy.js';
import { UsageError, unknownName } from '../errors.js';
import { parseCount, parseDuration, parseSize } from '../words/parse.js';
import type { Constraints } from './constraints.js';

/** The constraints as flags on the command line of `pick` and `recommend`. */
export interface ConstraintFlags {
  maxMemory?: string;
  isolation?: string;
  loopDelay?: string;
  latencyP99?: string;
  batch?: string;
  timeout?: string;
}

/**
 * @param strategies the strategies to choose from: `--isolation` accepts only levels that one of them has
 * @throws UsageError
 */
export function constraintsOf(
  { maxMemory, isolation = 'none', loopDelay, latencyP99, batch }: ConstraintFlags,
  strategies: readonly Pick<StrategyTraits, 'isolation'>[],
): Constraints {
  const levels = isolationsOf(strategies);
  const asked = levels.find((name) => name === isolation);
  if (asked === undefined) throw unknownName('isolation', isolation, levels);
  return {
    isolation: asked,
    maxMemoryBytes: maxMemory === undefined ? null : parseSize(maxMemory, '--max-memory'),
    loopDelayMs: loopDelay === undefined ? null : parseDuration(loopDelay, '--loop-delay'),
    latencyP99Ms: latencyP99 === undefined ? null : parseDuration(latencyP99, '--latency-p99'),
    batch: batch === undefined ? null : parseCount(batch, '--batch'),
  };
}

/** Not even the first block of a race ends in less time. */
const minBudgetMs = 5000;

/** Reads `--time-budget`, milliseconds. @throws UsageError */
export function timeBudget(text: string): number {
  const ms = parseDuration(text, '--time-budget');
  if (ms >= minBudgetMs) return ms;
  throw new UsageError(`--time-budget: expected at least 5s, got "${text}"; 1m or 2m give a good answer`);
}
