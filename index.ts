/**
 * The library: the same strategies that the bench measures. Importing it loads no chart, statistics or
 * command-line code. The library beneath a strategy is loaded only when that strategy is opened. @module
 */
export type { AdaptiveDecision, AdaptiveStats, DecisionKind } from './runner/adaptive.js';
export type { CacheStats } from './runner/cache-use.js';
export { type CircuitOptions, createRunner, type RunnerOptions } from './runner/create-runner.js';
export { type CacheOptions, openCache, type SessionCache } from './runner/open-cache.js';
export { openStrategy } from './runner/open-strategy.js';
export type { InputBytes, InputDocument, InputPath, InputReference } from './runner/pending.js';
export {
  type Expected,
  type Recommendation,
  RecommendationError,
  type RecommendationFields,
  type RecommendedTask,
  readRecommendation,
  type ValidWhen,
} from './runner/recommendation.js';
export {
  type ProcessBatchOptions,
  type ProcessOptions,
  type RunDocumentOptions,
  type Runner,
  RunnerClosedError,
  type RunnerStats,
} from './runner/runner.js';
export type { InputDocuments } from './runner/stream.js';
export { strategies } from './strategies/index.js';
export type {
  AnyDocument,
  BrokerOptions,
  CloseOptions,
  Configuration,
  Delivery,
  DocumentByPath,
  DocumentByReference,
  Documents,
  Emit,
  Engine,
  Fallback,
  Isolation,
  MachineReport,
  Measured,
  Member,
  Members,
  OpenOptions,
  Origin,
  Outcome,
  PipelineOptions,
  Result,
  RetryOptions,
  RunOptions,
  ServiceLimit,
  ServiceRefusals,
  Session,
  SideChannel,
  StageReport,
  Strategy,
  StrategyEntry,
  StrategyTraits,
  TaskError,
  Transport,
} from './strategies/strategy.js';
export { isolates, isolations, isolationsOf } from './strategies/strategy.js';

import type { TaskFile } from './workloads/task-file.js';

export type { Batch, BatchStage, SingleStage, Stage, StageIsolation } from './workloads/stages/stages.js';
export type { TaskFile } from './workloads/task-file.js';
export type { TaskFinding } from './workloads/task-findings.js';
export {
  type Context,
  type ContextLimit,
  type Document,
  type Kind,
  type Results,
  type ServiceResponse,
  type Views,
  type Workload,
  WorkloadError,
  type WorkloadRef,
} from './workloads/workload.js';

/**
 * Compiles a task module, TypeScript or JavaScript, for `openStrategy`, which takes its `ref`. This loads the
 * compiler, as `createRunner` does. The module is not run.
 * @param task path or URL of the module, with `#name` where the task is not the default export
 * @throws WorkloadError when there is no such file or export, or it does not compile; TypeError when `task`
 * is no path.
 */
export async function compileTask(task: string | URL): Promise<TaskFile> {
  const { compileTask } = await import('./workloads/task-file.js');
  return compileTask(task);
}
