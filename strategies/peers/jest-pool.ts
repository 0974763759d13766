import type { JestWorkerFarm, WorkerFarmOptions } from 'jest-worker';
import type { Document } from '../../workloads/workload.js';
import type { Answer, Request } from '../library-pool/worker/serve.js';
import type { Reply } from '../session/outcome.js';
import type { Session } from '../strategy.js';
import { library } from './library.js';
import { PeerProcesses } from './peer-processes.js';
import { peerSession } from './peer-session.js';
import type { PeerTask } from './peer-task.js';

type Entry = { serve(request: Request | Document): Promise<Answer | Reply> };

export interface JestPool {
  readonly peer: string;
  readonly workers: number;
  readonly isolation: 'thread' | 'process';
  readonly options: WorkerFarmOptions;
}

/**
 * Opens jest-worker, with the options that both its kinds share. `numWorkers` are started at once,
 * `setupArgs` bring them the workload, and `exposedMethods` keeps it from loading the entry on this side to
 * look for methods. `maxRetries: 0`: by default it runs a document that has killed its worker three more
 * times. `workerSchedulingPolicy` matters to idle workers only.
 *
 * At most as many documents are submitted as there are workers. jest-worker gives a worker one call at a
 * time, so the next one is sent only a few microtasks later than from jest-worker's own queue. If calls are
 * in that queue when a worker dies, version 30.5 loses its count: a thread's answers then go to the wrong
 * documents, and a process that dies again is waited for forever.
 */
export async function jestPool(
  task: PeerTask,
  { peer, workers, isolation, options }: JestPool,
): Promise<Session> {
  const { Worker } = await library(peer, 'jest-worker', () => import('jest-worker'));
  const pool = new Worker(new URL('./worker/jest-worker.cjs', import.meta.url), {
    numWorkers: workers,
    exposedMethods: ['serve'],
    setupArgs: [task],
    maxRetries: 0,
    ...options,
  }) as JestWorkerFarm<Entry>;
  if (isolation === 'thread') {
    // Text that tasks print goes into these streams, and waits there until it is read.
    pool.getStdout()?.pipe(process.stdout, { end: false });
    pool.getStderr()?.pipe(process.stderr, { end: false });
  }
  const processes = isolation === 'process' && { processes: new PeerProcesses(() => pidsOf(pool)) };
  return peerSession(
    {
      workers,
      isolation,
      concurrency: workers,
      submit: (document) => pool.serve(document) as Promise<Reply>,
      ask: (request) => pool.serve(request) as Promise<Answer>,
      end: () => pool.end(),
    },
    processes || {},
  );
}

/** jest-worker keeps its workers private. */
function pidsOf(pool: object): number[] {
  type Workers = readonly { getWorkerSystemId(): number }[];
  const { _workerPool } = pool as { readonly _workerPool: { getWorkers(): Workers } };
  return _workerPool.getWorkers().map((worker) => worker.getWorkerSystemId());
}
