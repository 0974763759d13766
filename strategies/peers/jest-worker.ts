import { ownGroup } from '../processes/group.js';
import type { Strategy } from '../strategy.js';
import { jestPool } from './jest-pool.js';
import { peerTask } from './peer-task.js';

/**
 * jest-worker with child processes, its default; `forkOptions.serialization` is `advanced` by default. It is
 * given here because JSON would turn bytes into an object of numbers. See `jest-pool.ts` for the options both
 * kinds share.
 */
export default {
  name: 'jest-worker',
  about: 'child processes and a central queue, one document a message (jest-worker)',
  isolation: 'process',
  origin: 'library',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/jest-worker.cjs', import.meta.url).href,
  deliveries: ['message'],
  travelsInFile: [],
  scales: true,
  open: (workload, { workers, runId }) =>
    jestPool(peerTask(workload, runId), {
      peer: 'jest-worker',
      workers,
      isolation: 'process',
      // `silent: false`: by default tasks print into pipes that are never read, and a full pipe stops the
      // child.
      options: { forkOptions: { serialization: 'advanced', silent: false, ...ownGroup } },
    }),
} satisfies Strategy;
