import { type LoadedStrategy, type PreparedWorkload, planCells } from '../../bench/trials/plan.js';
import type { Strategy } from '../../strategies/strategy.js';

/** A made-up workload with two corpora, and its cells, for tests of plans and rounds. */

export const strategy = (name: string, scales: boolean): LoadedStrategy => ({
  url: name,
  strategy: { name, scales, isolation: 'thread', deliveries: ['clone'] } as unknown as Strategy,
});
export const workload = {
  kind: 'cpu',
  ref: { name: 'w', url: '', options: {} },
  corpora: [
    { name: '10KB', documents: 100, sequentialMs: 300 },
    { name: '100KB', documents: 10, sequentialMs: 30 },
  ],
} as unknown as PreparedWorkload;
export const cells = planCells({
  workloads: [workload],
  strategies: [strategy('sequential', false), strategy('pool', true)],
  workers: [1, 2, 4],
});
