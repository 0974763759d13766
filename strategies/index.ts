import type { StrategyEntry } from './strategy.js';

const at = (path: string) => new URL(path, import.meta.url).href;

/** The list of strategies, in the order of tables and legends. To add one: one file here, one line below. */
export const strategies: readonly StrategyEntry[] = [
  { name: 'sequential', url: at('./sequential.js') },
  { name: 'async', url: at('./async.js') },
  { name: 'thread-pool', url: at('./thread-pool.js') },
  { name: 'process-pool', url: at('./process-pool.js') },
  { name: 'partitioned', url: at('./partitioned.js') },
  { name: 'self-scheduling', url: at('./self-scheduling.js') },
  { name: 'queue', url: at('./queue.js') },
];
