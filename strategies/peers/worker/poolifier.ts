import { workerData } from 'node:worker_threads';
import { ThreadWorker } from 'poolifier';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { type Request, serve } from '../../library-pool/worker/serve.js';

const call = await serve(workerData as WorkloadRef);

/** poolifier waits for the result of a function only if it is declared `async`. */
export default new ThreadWorker(async (request?: Request | Document) => call(request as Request | Document));
