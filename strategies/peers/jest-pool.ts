import type { JestWorkerFarm, WorkerFarmOptions } from 'jest-worker';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import type { Reply } from '../session/outcome.js';
import type { Session } from '../strategy.js';
import { library } from './library.js';
import { poolSession } from './pool-session.js';
import type { Answer, Request } from './worker/serve.js';

type Entry = { serve(request: Request | Document): Promise<Answer | Reply> };

export interface JestPool {
  readonly peer: string;
  readonly workers: number;
  readonly isolation: 'thread' | 'process';
  readonly options: WorkerFarmOptions;
}

/**
 * jest-worker, with what both its kinds share. `numWorkers` are started at once, `setupArgs` bring them the workload, and
 * `exposedMethods` keeps it from loading the entry on this side to look for methods. `maxRetries: 0`: by default it runs a
 * document that has killed its worker three times more. `workerSchedulingPolicy` matters to idle workers alone.
 *
 * No more documents are submitted than there are workers. It gives a worker one call at a time, so the next one is only
 * sent a few microtasks later than from a queue of its own; and with calls in that queue 30.5 loses its count when a worker
 * dies: from then on a thread's answers go to the wrong documents, and a process that dies once more is waited for in vain.
 */
export async function jestPool(
  workload: WorkloadRef,
  { peer, workers, isolation, options }: JestPool,
): Promise<Session> {
  const { Worker } = await library(peer, 'jest-worker', () => import('jest-worker'));
  const pool = new Worker(new URL('./worker/jest-worker.cjs', import.meta.url), {
    numWorkers: workers,
    exposedMethods: ['serve'],
    setupArgs: [workload],
    maxRetries: 0,
    ...options,
  }) as JestWorkerFarm<Entry>;
  if (isolation === 'thread') {
    // What tasks print goes into these, and waits there if nobody reads.
    pool.getStdout()?.pipe(process.stdout, { end: false });
    pool.getStderr()?.pipe(process.stderr, { end: false });
  }
  return poolSession({
    workers,
    isolation,
    concurrency: workers,
    submit: (document) => pool.serve(document) as Promise<Reply>,
    ask: (request) => pool.serve(request) as Promise<Answer>,
    end: () => pool.end(),
  });
}
