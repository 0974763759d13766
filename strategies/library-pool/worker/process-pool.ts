import workerpool from 'workerpool';
import type { TaskServices } from '../../../services/task-services.js';
import type { WorkloadRef } from '../../../workloads/workload.js';
import { connectProcess } from '../../worker/connect.js';
import { filedParts } from '../../worker/filed-parts.js';
import { sendLastWords } from '../../worker/last-words.js';
import { whenHeapIsNear } from '../../worker/near-limit.js';
import { serve } from './serve.js';

/** The child gets this as its only argument, as JSON. */
export interface ProcessPoolData {
  readonly workload: WorkloadRef;
  /** The pool has this many workers. */
  readonly workers: number;
  readonly services: TaskServices;
  readonly timeoutMs: number | undefined;
  /** The heap of the process may grow to this size, MB. */
  readonly heapMb: number;
}

/** The child sends this once, beside the library's messages, when its heap is near its limit. */
export interface NearLimit {
  readonly kind: 'near-limit';
}

/** The time limit of the document with this index begins again: it is tried again, or waits for a service. */
export interface Touched {
  readonly kind: 'touched';
  readonly index: number;
}

// On Windows, Ctrl-C in a terminal reaches all processes; the parent decides when its workers end.
process.on('SIGINT', () => {});

sendLastWords();

const { workload, workers, services, timeoutMs, heapMb } = JSON.parse(
  process.argv[2] as string,
) as ProcessPoolData;
const large = filedParts(workers, (offer) => void process.send?.(offer));
workerpool.worker({
  serve: await serve(workload, {
    large,
    services,
    timeoutMs,
    connect: connectProcess,
    touch: (index) => void process.send?.({ kind: 'touched', index } satisfies Touched),
  }),
});
whenHeapIsNear(heapMb, () => void process.send?.({ kind: 'near-limit' } satisfies NearLimit));
