import type { WorkloadRef } from '../../../workloads/workload.js';
import { serve } from './serve.js';

/** What tinypool calls on its worker threads. Its `workerData` comes second, after tinypool's own. */
export default await serve(process.__tinypool_state__.workerData as WorkloadRef);
