import Piscina from 'piscina';
import { type Document, loadWorkload, type WorkloadRef } from '../../../workloads/workload.js';
import { thisWorker } from '../../worker/worker-id.js';

const ref = Piscina.workerData as WorkloadRef;
const workload = await loadWorkload(ref);
const state = await workload.setup?.(ref.options);
const stop = new AbortController();
const context = { state, options: ref.options, signal: stop.signal };

/**
 * Runs the task itself, and answers requests by which the pool tells one worker that is ready from another.
 */
export default function run(request: Document | 'report' | 'goodbye'): unknown {
  return typeof request === 'string' ? answer(request) : workload.default(request, context);
}

async function answer(request: 'report' | 'goodbye'): Promise<{ id: string }> {
  if (request === 'goodbye') {
    stop.abort();
    await workload.teardown?.(state);
  }
  return { id: thisWorker() };
}
