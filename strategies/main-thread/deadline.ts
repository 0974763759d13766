import type { Document } from '../../workloads/workload.js';
import { timedOut } from '../session/outcome.js';
import type { Outcome } from '../strategy.js';

/**
 * On the caller's own thread: a task that waits for too long is given up, and what it comes to later is nobody's. While it computes,
 * no timer can run, and nothing can be done.
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
