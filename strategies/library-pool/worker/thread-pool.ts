import Piscina from 'piscina';
import type { WorkloadRef } from '../../../workloads/workload.js';
import type { Reply } from '../../session/outcome.js';
import type { CarriedDocument } from '../../session/reference.js';
import { now } from '../../worker/clock.js';
import { connectThread } from '../../worker/connect.js';
import { openTask } from '../../worker/task.js';
import { engineReport, processReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';
import type { Answer, Request } from './serve.js';

/** A document that has a time limit or may be cancelled, with its place on the board of starts. */
export interface Watched {
  readonly place: number;
  readonly document: CarriedDocument;
}
export interface ThreadPoolData {
  readonly workload: WorkloadRef;
  readonly timeoutMs: number | undefined;
  /** The board of starts uses this memory. */
  readonly starts: SharedArrayBuffer;
}

const { workload, timeoutMs, starts } = Piscina.workerData as ThreadPoolData;
const board = new Float64Array(starts);
const worker = thisWorker();
// An error thrown here ends the thread, and piscina reports it.
const task = await openTask(workload, { worker, timeoutMs, connect: connectThread });

/** piscina calls this function on its worker threads. */
export default function run(request: Request | Watched | CarriedDocument): Reply | Promise<Answer | Reply> {
  if (typeof request === 'string') return answer(request);
  if (!('place' in request)) return task.run(request);
  const { place, document } = request;
  board[place] = now();
  return task.run(document);
}

async function answer(request: Request): Promise<Answer> {
  if (request === 'goodbye') await task.close();
  return { id: worker, member: processReport(), engine: engineReport(worker), failure: null };
}
