import { parentPort, workerData } from 'node:worker_threads';
import { taskServices } from '../../../services/task-services.js';
import type { Document } from '../../../workloads/workload.js';
import { openTask } from '../../worker/task.js';
import { thisWorker } from '../../worker/worker-id.js';
import type { PeerTask } from '../peer-task.js';

const { task: ref, document } = workerData as { task: PeerTask; document: Document | null };

const task = await openTask(ref, { worker: thisWorker(), services: taskServices(ref) });
// Without one, the caller only checks that the workload loads.
const reply = document === null ? null : await task.run(document);
await task.close();
parentPort?.postMessage(reply);
