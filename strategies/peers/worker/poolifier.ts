import { workerData } from 'node:worker_threads';
import { ThreadWorker } from 'poolifier';
import type { Document } from '../../../workloads/workload.js';
import { type Request, serve } from '../../library-pool/worker/serve.js';
import type { PeerTask } from '../peer-task.js';

const call = await serve(workerData as PeerTask);

/** poolifier waits for the result of a function only if it is declared `async`. */
export default new ThreadWorker(async (request?: Request | Document) => call(request as Request | Document));
