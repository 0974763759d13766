import { clearTimeout, setTimeout } from 'node:timers';
import type { Document } from '../../workloads/workload.js';
import type { LocalReply } from '../session/outcome.js';
import { abortGraceMs, timedOut } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { Outcome } from '../strategy.js';
import type { OpenTask } from '../worker/task.js';

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

/**
 * Runs a document whose task calls a service. Its time limit begins again with each try, and does not pass
 * while it waits.
 */
export function runWithin(
  task: OpenTask,
  document: CarriedDocument,
  timeoutMs: number,
  outcomeOf: (reply: LocalReply) => Outcome,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(timedOut(document, timeoutMs)), timeoutMs + abortGraceMs);
    const replied = Promise.resolve(task.run(document, () => timer.refresh()));
    replied.then((reply) => resolve(outcomeOf(reply)), reject).finally(() => clearTimeout(timer));
  });
}
