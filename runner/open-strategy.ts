import { strategies } from '../strategies/index.js';
import { checkedPerWorker } from '../strategies/session/session.js';
import type { Configuration, Delivery, OpenOptions, Session, Strategy } from '../strategies/strategy.js';
import type { WorkloadRef } from '../workloads/workload.js';

/**
 * Opens a strategy by its name. Absent options have their defaults: one worker, the strategy's first
 * delivery.
 * @throws RangeError for an unknown name, a worker count that is not a whole number from 1 on, a delivery, an
 * axis or `perWorker` that the strategy does not have; WorkloadError when the workload's module does not
 * load.
 */
export async function openStrategy(
  name: string,
  workload: WorkloadRef,
  options: Partial<OpenOptions> = {},
): Promise<Session> {
  const { strategy, ...chosen } = await findStrategy(name, options);
  return strategy.open(workload, { ...options, ...chosen });
}

/** @throws RangeError as `openStrategy` does. */
export async function findStrategy(
  name: string,
  options: Partial<Pick<OpenOptions, 'workers' | 'delivery' | 'configuration' | 'perWorker'>>,
): Promise<{ readonly strategy: Strategy; readonly workers: number; readonly delivery: Delivery }> {
  const entry = strategies.find((entry) => entry.name === name);
  if (entry === undefined)
    throw new RangeError(
      `expected a strategy of ${strategies.map(({ name }) => name).join(', ')}, got "${name}"`,
    );
  const { workers = 1 } = options;
  if (!Number.isSafeInteger(workers) || workers < 1)
    throw new RangeError(
      `expected workers to be a whole number from 1 on, got ${JSON.stringify(workers) ?? 'nothing'}`,
    );
  const { default: strategy } = (await import(entry.url)) as { default: Strategy };
  const { delivery = strategy.deliveries[0] } = options;
  if (!strategy.deliveries.includes(delivery))
    throw new RangeError(
      `expected a delivery that "${name}" has (${strategy.deliveries.join(', ')}), got "${delivery}"`,
    );
  checkConfiguration(strategy, options.configuration ?? {});
  const { perWorker = 1 } = options;
  if (checkedPerWorker(perWorker) > 1 && strategy.perWorker !== true)
    throw new RangeError(
      `expected perWorker to be 1 or absent with "${name}", which has no such option, got ${perWorker}`,
    );
  return { strategy, workers, delivery };
}

/** @throws RangeError when it names an axis that the strategy does not have, or gives one no number */
export function checkConfiguration(
  { name, axes = [], staged }: Pick<Strategy, 'name' | 'axes' | 'staged'>,
  configuration: Configuration,
): void {
  for (const [axis, value] of Object.entries(configuration)) {
    // The strategy itself compares the names of stages with those of the task.
    if (staged !== true && !axes.includes(axis))
      throw new RangeError(
        `expected configuration to have only axes of "${name}" ` +
          `(${axes.join(', ') || 'it has none'}), got "${axis}"`,
      );
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      throw new RangeError(`expected configuration.${axis} to be a number from 0 on, got ${value}`);
  }
}
