import workerpool from 'workerpool';
import type { WorkloadRef } from '../../../workloads/workload.js';
import { connectProcess } from '../../worker/connect.js';
import { sendLastWords } from '../../worker/last-words.js';
import { serve } from './serve.js';

/** The child gets this as its only argument, as JSON. */
export interface ProcessPoolData {
  readonly workload: WorkloadRef;
  readonly timeoutMs: number | undefined;
}

// On Windows, Ctrl-C in a terminal reaches all processes; the parent decides when its workers end.
process.on('SIGINT', () => {});

sendLastWords();

const { workload, timeoutMs } = JSON.parse(process.argv[2] as string) as ProcessPoolData;
workerpool.worker({ serve: await serve(workload, { timeoutMs, connect: connectProcess }) });
