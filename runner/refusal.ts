import type { StrategyTraits } from '../strategies/strategy.js';
import { inFlightError, knownFindings, type TaskFinding } from '../workloads/task-findings.js';
import { WorkloadError } from '../workloads/workload.js';

/** A task, and a strategy that is to run it. */
export interface Intended {
  readonly task: { readonly name: string; readonly sha256: string };
  readonly strategy: Pick<StrategyTraits, 'name' | 'concurrency'>;
  readonly workers: number;
  /** Findings that came with a recommendation for the same task. */
  readonly findings?: readonly TaskFinding[];
}

/**
 * Refuses to run several documents at a time on one thread if the task is known to mix them up then. Nothing
 * is tried here: `forkwise check`, `pick` and `bench` find it out, and keep it.
 * @throws WorkloadError that says what was found and what to do
 */
export function refuseInFlight({ task, strategy, workers, findings = [] }: Intended): void {
  if (strategy.concurrency !== 'in flight' || workers < 2) return;
  const error = inFlightError(findings) ?? inFlightError(knownFindings(task.sha256));
  if (error === undefined) return;
  throw new WorkloadError(
    `task "${task.name}" cannot run with "${strategy.name}" and ${workers} documents in flight: ` +
      `${error.said}; ` +
      'use a strategy with workers, which run one document at a time, mend the task and try it with ' +
      '`forkwise check`, or override this with --force (`force: true` in a program)',
  );
}
