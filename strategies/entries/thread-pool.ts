import { threadId } from 'node:worker_threads';
import Piscina from 'piscina';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import { engineReport } from '../member.js';
import type { Reply } from '../outcome.js';
import type { Engine } from '../strategy.js';
import { openTask } from '../task.js';

export type Request = 'report' | 'goodbye';
export interface Answer {
  readonly id: number;
  readonly engine: Engine;
}

const task = await openTask(Piscina.workerData as WorkloadRef, threadId);

/** What piscina calls on its worker threads. */
export default function serve(request: Request | Document): Reply | Promise<Answer | Reply> {
  return typeof request === 'object' ? task.run(request) : answer(request);
}

async function answer(request: Request): Promise<Answer> {
  if (request === 'goodbye') await task.close();
  return { id: threadId, engine: engineReport(threadId) };
}
