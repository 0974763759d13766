import Piscina from 'piscina';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import type { Reply } from '../../session/outcome.js';
import type { Engine } from '../../strategy.js';
import { now } from '../../worker/clock.js';
import { openTask } from '../../worker/task.js';
import { engineReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';

export type Request = 'report' | 'goodbye';
/** A document under a time limit. */
export interface Watched {
  /** On the board of starts. */
  readonly place: number;
  readonly document: Document;
}
export interface Answer {
  readonly id: string;
  readonly engine: Engine;
}
export interface ThreadPoolData {
  readonly workload: WorkloadRef;
  /** The board; null without a time limit. */
  readonly starts: SharedArrayBuffer | null;
}

const { workload, starts } = Piscina.workerData as ThreadPoolData;
const board = starts === null ? null : new Float64Array(starts);
const worker = thisWorker();
const task = await openTask(workload, worker);

/** What piscina calls on its worker threads. */
export default function serve(request: Request | Watched | Document): Reply | Promise<Answer | Reply> {
  if (typeof request === 'string') return answer(request);
  if (board === null) return task.run(request as Document);
  const { place, document } = request as Watched;
  board[place] = now();
  return task.run(document);
}

async function answer(request: Request): Promise<Answer> {
  if (request === 'goodbye') await task.close();
  return { id: worker, engine: engineReport(worker) };
}
