import type { Strategy } from '../strategy.js';
import { openCrew } from './arena-session.js';
import type { Pulled } from './feed.js';

/** One queue for all workers: whoever is free claims the next document, as OpenMP's `schedule(dynamic)` does. */
const deal = {
  queues: 1,
  window: { documents: 64, bytes: 2 ** 20, ms: 0.2 },
  begin: () => (window: readonly Pulled[]) => [window],
};

export default {
  name: 'self-scheduling',
  about: 'worker threads that claim the next document from shared memory, one atomic step each',
  isolation: 'thread',
  origin: 'ours',
  baseline: false,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: 2,
  workerModule: new URL('./worker.js', import.meta.url).href,
  deliveries: ['shared'],
  travelsInFile: [],
  scales: true,
  open: (workload, { workers, timeoutMs, heapMb }) =>
    openCrew(workload, { workers, timeoutMs, heapMb, deal }),
} satisfies Strategy;
