import type { RunCard } from '../strategies/broker/protocol.js';
import type { Configuration, Delivery, Session, SideChannel, Strategy } from '../strategies/strategy.js';
import type { WorkloadRef } from '../workloads/workload.js';

/** The session that an agent runs documents in. The caller of a run does not choose it: the machine does. */
export interface SessionChoice {
  readonly strategy: Strategy;
  readonly workers: number;
  readonly delivery?: Delivery;
  readonly configuration?: Configuration;
  /** These limits hold where the caller of a run has set none, MB. */
  readonly heapMb?: number;
  readonly memoryMb?: number;
}

/**
 * Returns how many batches may be with an agent at a time: one for each worker, where each batch is a single
 * long document, and two that come in the meantime.
 */
export function creditFor(workers: number): number {
  return workers + 2;
}

/** Tells whether a strategy leaves the agent's own thread free, and is no broker itself. */
export function suitsAgent({ isolation }: Pick<Strategy, 'isolation'>): boolean {
  return isolation === 'thread' || isolation === 'process';
}

/** Documents by path and by reference come only where the caller has announced them. */
function deliveryFor({ strategy, delivery }: SessionChoice, card: RunCard): Delivery {
  const [usual] = strategy.deliveries;
  if (card.takesReferences) return strategy.deliveries.includes('reference') ? 'reference' : usual;
  return delivery === undefined || delivery === 'reference' ? usual : delivery;
}

/** True where a view of a larger buffer would travel with all of the buffer. */
export function copiesViews(choice: SessionChoice, card: RunCard): boolean {
  const delivery = deliveryFor(choice, card);
  return (delivery === 'reference' ? choice.strategy.deliveries[0] : delivery) === 'clone';
}

export function openSession(
  choice: SessionChoice,
  card: RunCard,
  { task, channel }: { readonly task: WorkloadRef; readonly channel: SideChannel },
): Promise<Session> {
  const { strategy, workers, configuration } = choice;
  const heapMb = card.heapMb ?? choice.heapMb;
  const memoryMb = card.memoryMb ?? choice.memoryMb;
  return strategy.open(task, {
    workers,
    delivery: deliveryFor(choice, card),
    channel,
    runId: card.runId ?? card.run,
    ...(card.limits !== undefined && { limits: card.limits }),
    ...(card.retry !== undefined && { retry: card.retry }),
    ...(card.cache !== undefined && { cache: card.cache }),
    ...(configuration !== undefined && { configuration }),
    ...(card.timeoutMs !== undefined && { timeoutMs: card.timeoutMs }),
    ...(heapMb !== undefined && { heapMb }),
    ...(memoryMb !== undefined && { memoryMb }),
  });
}
