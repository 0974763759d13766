import type { Outcome, Strategy } from '../strategies/strategy.js';
import { type Kind, loadWorkload, type WorkloadRef } from '../workloads/workload.js';
import { answerRequests } from './answer.js';
import { type CorpusFile, readCorpus } from './corpus-file.js';
import { outcomeDigest } from './digest.js';

/**
 * The oracle: loads a workload outside the runner, says what kind it is, and runs it once over a corpus with the
 * baseline strategy. Its digests are what every trial's results must equal.
 */
export type OracleRequest =
  | { readonly kind: 'inspect'; readonly workload: WorkloadRef }
  | { readonly kind: 'run'; readonly workload: WorkloadRef; readonly strategy: string; readonly corpus: CorpusFile };

export interface Oracle {
  /** Of every document's outcome, in corpus order. */
  readonly digests: readonly string[];
  /** Time inside the task, all documents together. */
  readonly taskMs: number;
  /** CPU time of the whole process meanwhile, all documents together. */
  readonly cpuMs: number;
  /** Time in which this thread's event loop was busy meanwhile: what runs on other threads, or elsewhere, leaves it free. */
  readonly loopMs: number;
  readonly failed: number;
  /** The first failure: which document, and what it said. */
  readonly failure: string | null;
}

answerRequests(async (request: OracleRequest): Promise<Kind | Oracle> => {
  const workload = await loadWorkload(request.workload);
  if (request.kind === 'inspect') return workload.kind;
  const { default: baseline } = (await import(request.strategy)) as { default: Strategy };
  const session = await baseline.open(request.workload, { workers: 1, delivery: 'none' });
  const outcomes: Outcome[] = [];
  const documents = readCorpus(request.corpus);
  const before = process.cpuUsage();
  const loopBefore = performance.eventLoopUtilization();
  await session.run(documents, (outcome) => void outcomes.push(outcome));
  const { active: loopMs } = performance.eventLoopUtilization(loopBefore);
  const { user, system } = process.cpuUsage(before);
  await session.close();
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'ok' ? [] : [`"${outcome.id}": ${outcome.error.message}`]));
  return {
    digests: outcomes.map((outcome) => outcomeDigest(outcome, workload)),
    taskMs: outcomes.reduce((sum, { taskMs }) => sum + (taskMs ?? 0), 0),
    cpuMs: (user + system) / 1000,
    loopMs,
    failed: failures.length,
    failure: failures[0] ?? null,
  };
});
