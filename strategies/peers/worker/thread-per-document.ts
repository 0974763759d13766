import { parentPort, workerData } from 'node:worker_threads';
import { taskServices } from '../../../services/task-services.js';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { openTask } from '../../worker/task.js';
import { thisWorker } from '../../worker/worker-id.js';

const { workload, document } = workerData as { workload: WorkloadRef; document: Document | null };

const task = await openTask(workload, { worker: thisWorker(), services: taskServices({}) });
// Without one, the caller only checks that the workload loads.
const reply = document === null ? null : await task.run(document);
await task.close();
parentPort?.postMessage(reply);
