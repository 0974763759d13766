import { maxRuns } from '../session/attempts.js';
import type { Strategy } from '../strategy.js';
import { openBatchSession } from './batch-session.js';

const entry = new URL('./worker.js', import.meta.url);

export default {
  name: 'queue',
  about: 'dedicated worker processes that pull batches from bounded queues with a prefetch credit',
  isolation: 'process',
  origin: 'ours',
  baseline: false,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: maxRuns.reportedTogether,
  retires: true,
  perWorker: true,
  workerModule: entry.href,
  deliveries: ['path', 'message', 'reference'],
  travelsInFile: ['path', 'reference'],
  scales: true,
  open: (workload, options) =>
    openBatchSession(workload, options, {
      name: 'queue',
      entry,
      processes: options.workers,
      perProcess: (perWorker) => perWorker,
      watchesTime: true,
    }),
} satisfies Strategy;
