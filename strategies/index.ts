import type { StrategyEntry } from './strategy.js';

const at = (path: string) => new URL(path, import.meta.url).href;

/**
 * Lists the strategies in the order of tables and legends. To add one, write its file, add one line below, a
 * look in `plots/looks.ts`, and a row in the table of `strategies/README.md`.
 */
export const strategies: readonly StrategyEntry[] = [
  { name: 'sequential', url: at('./main-thread/sequential.js') },
  { name: 'async', url: at('./main-thread/async.js') },
  { name: 'thread-pool', url: at('./library-pool/thread-pool.js') },
  { name: 'process-pool', url: at('./library-pool/process-pool.js') },
  { name: 'partitioned', url: at('./shared-memory/partitioned.js') },
  { name: 'self-scheduling', url: at('./shared-memory/self-scheduling.js') },
  { name: 'queue', url: at('./batch-queue/queue.js') },
  { name: 'pipeline', url: at('./pipeline/pipeline.js') },
  { name: 'hybrid', url: at('./hybrid/hybrid.js') },
  { name: 'broker', url: at('./broker/broker.js'), needsBroker: true },
];
