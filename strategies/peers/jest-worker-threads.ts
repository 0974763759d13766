import type { Strategy } from '../strategy.js';
import { jestPool } from './jest-pool.js';

/**
 * jest-worker with `enableWorkerThreads: true`, by its documentation the faster way to talk to a worker. It has no option
 * for what is transferred. See `jest-pool.ts` for the options both kinds share.
 */
export default {
  name: 'jest-worker-threads',
  about: 'worker threads and a central queue, one document a message (jest-worker)',
  isolation: 'thread',
  deliveries: ['clone'],
  scales: true,
  open: (workload, { workers }) =>
    jestPool(workload, {
      peer: 'jest-worker-threads',
      workers,
      isolation: 'thread',
      options: { enableWorkerThreads: true },
    }),
} satisfies Strategy;
