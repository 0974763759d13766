import type { StrategyTraits } from '../strategies/strategy.js';
import { inFlightError, knownFindings, type TaskFinding } from '../workloads/task-findings.js';
import { WorkloadError } from '../workloads/workload.js';

/** A task, and a strategy that is to run it. */
export interface Intended {
  readonly task: { readonly name: string; readonly sha256: string };
  readonly strategy: Pick<StrategyTraits, 'name' | 'concurrency'>;
  readonly workers: number;
  /** A worker runs this many documents at the same time. Absent: one. */
  readonly perWorker?: number;
  /** Findings that came with a recommendation for the same task. */
  readonly findings?: readonly TaskFinding[];
}

/**
 * Refuses to run several documents at a time on one thread if the task is known to mix them up then. Nothing
 * is tried here: `forkwise check`, `pick` and `bench` find it out, and keep it.
 * @throws WorkloadError that says what was found and what to do
 */
export function refuseInFlight({ task, strategy, workers, perWorker = 1, findings = [] }: Intended): void {
  const atOnce = strategy.concurrency === 'in flight' ? workers : perWorker;
  if (atOnce < 2) return;
  const error = inFlightError(findings) ?? inFlightError(knownFindings(task.sha256));
  if (error === undefined) return;
  const many =
    strategy.concurrency === 'in flight'
      ? `${workers} documents in flight`
      : `${perWorker} documents at the same time in a worker`;
  throw new WorkloadError(
    `task "${task.name}" cannot run with "${strategy.name}" and ${many}: ${error.said}; ` +
      'use a strategy with workers, which run one document at a time, mend the task and try it with ' +
      '`forkwise check`, or override this with --force (`force: true` in a program)',
  );
}
