import type { Strategy } from '../strategy.js';
import { jestPool } from './jest-pool.js';
import { peerTask } from './peer-task.js';

/**
 * jest-worker with `enableWorkerThreads: true`, by its documentation the faster way to talk to a worker. It
 * has no option for what is transferred. See `jest-pool.ts` for the options both kinds share.
 */
export default {
  name: 'jest-worker-threads',
  about: 'worker threads and a central queue, one document a message (jest-worker)',
  isolation: 'thread',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/jest-worker.cjs', import.meta.url).href,
  deliveries: ['clone'],
  travelsInFile: [],
  scales: true,
  open: (workload, { workers, runId }) =>
    jestPool(peerTask(workload, runId), {
      peer: 'jest-worker-threads',
      workers,
      isolation: 'thread',
      options: { enableWorkerThreads: true },
    }),
} satisfies Strategy;
