import { maxRuns } from '../session/attempts.js';
import type { StrategyTraits } from '../strategy.js';

/** Strategies that run on the arena differ in the queue that a document goes to, and share these traits. */
export const arenaTraits = {
  isolation: 'thread',
  origin: 'ours',
  baseline: false,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: maxRuns.reportedTogether,
  retires: true,
  perWorker: true,
  workerModule: new URL('./worker.js', import.meta.url).href,
  deliveries: ['shared', 'reference'],
  travelsInFile: [],
  scales: true,
} satisfies Omit<StrategyTraits, 'name' | 'about'>;
