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
  await session.run(readCorpus(request.corpus), (outcome) => void outcomes.push(outcome));
  await session.close();
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'ok' ? [] : [`"${outcome.id}": ${outcome.error.message}`]));
  return {
    digests: outcomes.map((outcome) => outcomeDigest(outcome, workload)),
    taskMs: outcomes.reduce((sum, { taskMs }) => sum + (taskMs ?? 0), 0),
    failed: failures.length,
    failure: failures[0] ?? null,
  };
});
