import type { StrategyEntry } from '../strategy.js';

const at = (path: string) => new URL(path, import.meta.url).href;

/**
 * The pools people would pick instead, wrapped as strategies for the side-by-side only: never in the default
 * matrix, and in the order of tables and legends. To add one: one file here, one line below.
 */
export const peers: readonly StrategyEntry[] = [
  { name: 'piscina', url: at('./piscina.js') },
  { name: 'tinypool', url: at('./tinypool.js') },
  { name: 'poolifier', url: at('./poolifier.js') },
  { name: 'workerpool-threads', url: at('./workerpool-threads.js') },
  { name: 'jest-worker-threads', url: at('./jest-worker-threads.js') },
  { name: 'thread-per-document', url: at('./thread-per-document.js') },
  { name: 'post-message', url: at('./post-message.js') },
  { name: 'workerpool', url: at('./workerpool.js') },
  { name: 'tinypool-processes', url: at('./tinypool-processes.js') },
  { name: 'jest-worker', url: at('./jest-worker.js') },
  { name: 'bullmq', url: at('./bullmq.js'), needsBroker: true },
  { name: 'independent-processes', url: at('./independent-processes.js') },
];
