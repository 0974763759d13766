import { openBatchSession } from '../batch-queue/batch-session.js';
import { effectiveCores } from '../processes/cores.js';
import { heapLimit } from '../processes/limits.js';
import { axesOf, poolThreads, splitOf } from '../processes/split.js';
import { maxDeathsWithoutResult, maxRuns } from '../session/attempts.js';
import type { Strategy } from '../strategy.js';
import type { HybridStart } from './worker.js';

const entry = new URL('./worker.js', import.meta.url);

/**
 * Processes, each with threads, each with several documents at the same time. Batches go from one source to
 * the processes as with `queue`. Inside a process, a session of `self-scheduling` runs them: see `worker.ts`.
 * The end of a process costs the documents that its threads were running, which run again alone; the end of a
 * thread costs those of the thread, and its own process takes care of them.
 */
export default {
  name: 'hybrid',
  about: 'processes with several worker threads each, which pull batches from one source',
  isolation: 'process',
  origin: 'ours',
  baseline: false,
  concurrency: 'workers',
  measured: 'when it applies',
  maxRuns: maxRuns.reportedTogether,
  workerModule: new URL('../shared-memory/worker.js', import.meta.url).href,
  deliveries: ['path', 'message', 'reference'],
  travelsInFile: ['path', 'reference'],
  scales: true,
  perWorker: true,
  axes: ['processes', 'threads', 'perWorker'],
  open(workload, options) {
    const { workers, delivery, configuration, heapMb } = options;
    const split = splitOf(workers, axesOf(configuration, options.perWorker));
    const { processes, threads, perWorker } = split;
    const cores = effectiveCores().effective;
    const pool = poolThreads(split, { cores, readsFiles: delivery === 'reference' });
    const inside: HybridStart = {
      threads,
      threadHeapMb: heapLimit(workers, heapMb).mb,
      maxDeaths: maxDeathsWithoutResult.count,
      ...(options.limits !== undefined && { limits: options.limits }),
      ...(options.retry !== undefined && { retry: options.retry }),
    };
    return openBatchSession(
      workload,
      { ...options, perWorker },
      {
        name: 'hybrid',
        entry,
        processes,
        perProcess: (perWorker) => threads * perWorker,
        watchesTime: false,
        inside,
        env: process.env.UV_THREADPOOL_SIZE === undefined ? { UV_THREADPOOL_SIZE: String(pool) } : {},
      },
    );
  },
} satisfies Strategy;
