/**
 * The library: the same strategies that the bench measures. Importing it loads no chart, statistics or command-line
 * code, and each strategy's library only when the strategy is opened.
 */
export { openStrategy } from './runner/open-strategy.js';
export {
  createRunner,
  type InputDocument,
  type InputDocuments,
  type ProcessOptions,
  type Runner,
  RunnerClosedError,
  type RunnerOptions,
  type RunnerStats,
} from './runner/runner.js';
export { strategies } from './strategies/index.js';
export { type Recommendation, RecommendationError, readRecommendation, type ValidWhen } from './strategies/recommendation.js';
export type {
  Delivery,
  Documents,
  Emit,
  Engine,
  Member,
  Members,
  OpenOptions,
  Outcome,
  Session,
  Strategy,
  StrategyEntry,
  TaskError,
} from './strategies/strategy.js';
export { compileTask, type TaskFile } from './workloads/task-file.js';
export { type Context, type Document, type Kind, type Workload, WorkloadError, type WorkloadRef } from './workloads/workload.js';
