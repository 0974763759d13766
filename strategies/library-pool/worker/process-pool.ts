import workerpool from 'workerpool';
import type { WorkloadRef } from '../../../workloads/workload.js';
import { serve } from './serve.js';

// Ctrl-C in a terminal reaches all processes of the group; the parent decides when its workers end.
process.on('SIGINT', () => {});

workerpool.worker({ serve: await serve(JSON.parse(process.argv[2] as string) as WorkloadRef) });
