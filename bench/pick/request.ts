import type { Strategy } from '../../strategies/strategy.js';
import { UsageError, unknownName } from '../errors.js';
import { parseCount, parseDuration, parseSize } from '../words/parse.js';
import type { Constraints } from './constraints.js';

/** Constraints as they stand on the command line of `pick` and `recommend`. */
export interface ConstraintFlags {
  maxMemory?: string;
  isolation?: string;
  loopDelay?: string;
  latencyP99?: string;
  batch?: string;
  timeout?: string;
}

const isolations: readonly Strategy['isolation'][] = ['none', 'thread', 'process'];

/** @throws UsageError */
export function constraintsOf({
  maxMemory,
  isolation = 'none',
  loopDelay,
  latencyP99,
  batch,
}: ConstraintFlags): Constraints {
  const asked = isolations.find((name) => name === isolation);
  if (asked === undefined) throw unknownName('isolation', isolation, isolations);
  return {
    isolation: asked,
    maxMemoryBytes: maxMemory === undefined ? null : parseSize(maxMemory),
    loopDelayMs: loopDelay === undefined ? null : parseDuration(loopDelay),
    latencyP99Ms: latencyP99 === undefined ? null : parseDuration(latencyP99),
    batch: batch === undefined ? null : parseCount(batch, '--batch'),
  };
}

/** Shorter, and not even the first block of a race is measured. */
const leastBudgetMs = 5000;

/** Milliseconds. @throws UsageError */
export function timeBudget(text: string): number {
  const ms = parseDuration(text);
  if (ms >= leastBudgetMs) return ms;
  throw new UsageError(`--time-budget: expected 5s at least, got "${text}"; 1m or 2m give a good answer`);
}
