import type { StrategyTraits } from '../strategies/strategy.js';

/** The documents that each worker runs at the same time, or all documents in flight. */
export type Adapts = 'per worker' | 'in flight';

/** Says what adapts in a strategy: its `perWorker`, or its documents in flight; null where nothing does. */
export function adapts({
  perWorker,
  concurrency,
}: Pick<StrategyTraits, 'perWorker' | 'concurrency'>): Adapts | null {
  if (perWorker === true) return 'per worker';
  return concurrency === 'in flight' ? 'in flight' : null;
}
