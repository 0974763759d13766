import type { WorkloadRef } from '../../../workloads/workload.js';
import { serve } from './serve.js';

/** What tinypool calls in its child processes, to which it passes no `workerData`. */
export default await serve(JSON.parse(process.argv[2] as string) as WorkloadRef);
