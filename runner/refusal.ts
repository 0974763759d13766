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
  /** The number of documents at the same time may rise. Absent: it stays. */
  readonly adaptive?: boolean;
  /** Findings that came with a recommendation for the same task. */
  readonly findings?: readonly TaskFinding[];
}

/**
 * Refuses to run several documents at a time on one thread if the task is known to mix them up then. Nothing
 * is tried here: `forkwise check`, `pick` and `bench` find it out, and keep it.
 * @throws WorkloadError that says what was found and what to do
 */
export function refuseInFlight(intended: Intended): void {
  const { task, strategy, findings = [] } = intended;
  const many = severalAtOnce(intended);
  if (many === null) return;
  const error = inFlightError(findings) ?? inFlightError(knownFindings(task.sha256));
  if (error === undefined) return;
  throw new WorkloadError(
    `task "${task.name}" cannot run with "${strategy.name}" and ${many}: ${error.said}; ` +
      'use a strategy with workers, which run one document at a time, mend the task and try it with ' +
      '`forkwise check`, or override this with --force (`force: true` in a program)',
  );
}

/** Says how several documents run at the same time on one thread; null where one does. */
function severalAtOnce({ strategy, workers, perWorker = 1, adaptive = false }: Intended): string | null {
  if (adaptive) return 'an adaptive number of documents at the same time';
  if (strategy.concurrency === 'in flight') return workers < 2 ? null : `${workers} documents in flight`;
  return perWorker < 2 ? null : `${perWorker} documents at the same time in a worker`;
}
