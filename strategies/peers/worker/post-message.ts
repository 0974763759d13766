import { parentPort, workerData } from 'node:worker_threads';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import type { Reply } from '../../session/outcome.js';
import { type Answer, type Request, serve } from './serve.js';

/** One message asks and one answers, for as many documents as there are in it. */
export interface Ask {
  readonly id: number;
  readonly body: Request | readonly Document[];
}
export interface Told {
  readonly id: number;
  readonly body: Answer | readonly Reply[];
}

// A batch goes back when its last document is done, by when the task may have changed what it returned for the first.
const call = await serve(workerData as WorkloadRef, 'snapshot');

parentPort?.on('message', async ({ id, body }: Ask) => {
  const told: Told = {
    id,
    body:
      typeof body === 'string' ? await call(body) : await Promise.all(body.map((document) => call(document))),
  };
  parentPort?.postMessage(told);
});
