/**
 * The library: the same strategies that the bench measures. Importing it loads no chart, statistics or command-line
 * code, and each strategy's library only when the strategy is opened.
 */
import { strategies } from './strategies/index.js';
import type { OpenOptions, Session, Strategy } from './strategies/strategy.js';
import type { WorkloadRef } from './workloads/workload.js';

export { strategies } from './strategies/index.js';
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

/**
 * Opens a strategy by its name.
 * @throws RangeError for an unknown name, a worker count that is not a whole number from 1 on, or a delivery the strategy does not have; WorkloadError when the
 * workload module does not load.
 */
export async function openStrategy(name: string, workload: WorkloadRef, options: Partial<OpenOptions> = {}): Promise<Session> {
  const entry = strategies.find((entry) => entry.name === name);
  if (entry === undefined) throw new RangeError(`expected a strategy of ${strategies.map(({ name }) => name).join(', ')}, got "${name}"`);
  const { workers = 1 } = options;
  if (!Number.isSafeInteger(workers) || workers < 1)
    throw new RangeError(`expected workers to be a whole number from 1 on, got ${workers}`);
  const { default: strategy } = (await import(entry.url)) as { default: Strategy };
  const { delivery = strategy.deliveries[0] } = options;
  if (!strategy.deliveries.includes(delivery))
    throw new RangeError(`expected a delivery that "${name}" has (${strategy.deliveries.join(', ')}), got "${delivery}"`);
  return strategy.open(workload, { ...options, delivery, workers });
}
