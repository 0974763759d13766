import { workerData } from 'node:worker_threads';
import workerpool from 'workerpool';
import type { WorkloadRef } from '../../../workloads/workload.js';
import { serve } from '../../library-pool/worker/serve.js';

workerpool.worker({ serve: await serve(workerData as WorkloadRef) });
