/**
 * The library: the same strategies that the bench measures. Importing it loads no chart, statistics or command-line
 * code, and each strategy's library only when the strategy is opened.
 */
export { createRunner, type RunnerOptions } from './runner/create-runner.js';
export { openStrategy } from './runner/open-strategy.js';
export type { InputDocument } from './runner/pending.js';
export {
  type Recommendation,
  RecommendationError,
  readRecommendation,
  type ValidWhen,
} from './runner/recommendation.js';
export { type ProcessOptions, type Runner, RunnerClosedError, type RunnerStats } from './runner/runner.js';
export type { InputDocuments } from './runner/stream.js';
export { strategies } from './strategies/index.js';
export type {
  Configuration,
  Delivery,
  Documents,
  Emit,
  Engine,
  Isolation,
  Measured,
  Member,
  Members,
  OpenOptions,
  Origin,
  Outcome,
  Session,
  Strategy,
  StrategyEntry,
  StrategyTraits,
  TaskError,
} from './strategies/strategy.js';
export { isolates, isolations, isolationsOf } from './strategies/strategy.js';

import type { TaskFile } from './workloads/task-file.js';

export type { TaskFile } from './workloads/task-file.js';
export {
  type Context,
  type Document,
  type Kind,
  type Workload,
  WorkloadError,
  type WorkloadRef,
} from './workloads/workload.js';

/**
 * Compiles a task module, TypeScript or JavaScript, to what `openStrategy` takes. Loads the compiler, as `createRunner` does.
 * @throws as in `workloads/task-file.ts`: WorkloadError, TypeError
 */
export async function compileTask(task: string | URL): Promise<TaskFile> {
  const { compileTask } = await import('./workloads/task-file.js');
  return compileTask(task);
}
