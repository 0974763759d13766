import { parentPort, workerData } from 'node:worker_threads';
import type { Document } from '../../../workloads/workload.js';
import { type Answer, type Request, serve } from '../../library-pool/worker/serve.js';
import type { Reply } from '../../session/outcome.js';
import type { PeerTask } from '../peer-task.js';

/** One message asks and one message answers, for all documents in it. */
export interface Ask {
  readonly id: number;
  readonly body: Request | readonly Document[];
}
export interface Told {
  readonly id: number;
  readonly body: Answer | readonly Reply[];
}

// A batch is returned when its last document is done. By then the task may have changed its result for the
// first.
const call = await serve(workerData as PeerTask, { results: 'snapshot' });

parentPort?.on('message', async ({ id, body }: Ask) => {
  const told: Told = {
    id,
    body:
      typeof body === 'string' ? await call(body) : await Promise.all(body.map((document) => call(document))),
  };
  parentPort?.postMessage(told);
});
