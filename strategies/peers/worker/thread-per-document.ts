import { parentPort, workerData } from 'node:worker_threads';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { openTask } from '../../worker/task.js';
import { thisWorker } from '../../worker/worker-id.js';

const { workload, document } = workerData as { workload: WorkloadRef; document: Document | null };

const task = await openTask(workload, thisWorker());
const reply = document === null ? null : await task.run(document); // none: only to see whether the workload loads
await task.close();
parentPort?.postMessage(reply);
