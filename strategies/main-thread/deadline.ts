import { clearTimeout, setTimeout } from 'node:timers';
import type { Document } from '../../workloads/workload.js';
import { timedOut } from '../session/outcome.js';
import type { Outcome } from '../strategy.js';

/**
 * Gives up a task that waits for too long on the caller's own thread; its later result is discarded. While
 * a task computes, no timer can run, so it cannot be given up.
 */
export function withDeadline(
  document: Document,
  timeoutMs: number | undefined,
  outcome: Promise<Outcome> | Outcome,
): Promise<Outcome> | Outcome {
  if (timeoutMs === undefined || !(outcome instanceof Promise)) return outcome;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(timedOut(document, timeoutMs)), timeoutMs);
    outcome.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
