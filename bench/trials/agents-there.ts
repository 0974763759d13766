import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerOptions, Strategy } from '../../strategies/strategy.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import type { LoadedStrategy } from './plan.js';

/** A broker that is running, and agents that have joined it. They choose their own numbers of workers. */

/** A session finds them with these options. */
export function brokerThere(url: string): { readonly broker: BrokerOptions } {
  return { broker: { url, agents: 'there' } };
}

/**
 * An agent looks for runs once a second, and then starts its workers. After this time without another agent
 * there is none, ms.
 */
const quietMs = 2500;
const lookMs = 250;

/**
 * Counts the workers of all agents that take a task, because a rate is a rate of that many workers.
 * @throws NoBroker where none answers, and NoAgent where no agent joins
 */
export async function workersThere(
  broker: string,
  { loaded, task }: { readonly loaded: LoadedStrategy; readonly task: WorkloadRef },
): Promise<number> {
  const { default: strategy } = (await import(loaded.url)) as { default: Strategy };
  const [delivery] = strategy.deliveries;
  const session = await strategy.open(task, { workers: 1, delivery, ...brokerThere(broker) });
  try {
    let found = 0;
    for (let sinceMs = performance.now(); performance.now() - sinceMs < quietMs; await sleep(lookMs)) {
      const { machines = [] } = await session.members();
      const workers = machines.reduce((sum, each) => sum + each.workers, 0);
      if (workers !== found) sinceMs = performance.now();
      found = workers;
    }
    return found;
  } finally {
    await session.close();
  }
}
