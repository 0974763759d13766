import type { WorkloadRef } from '../../../workloads/workload.js';
import { serve } from '../../library-pool/worker/serve.js';

/** tinypool calls this in its child processes. It passes them no `workerData`. */
export default await serve(JSON.parse(process.argv[2] as string) as WorkloadRef);
