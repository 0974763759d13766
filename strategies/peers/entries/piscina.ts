import { threadId } from 'node:worker_threads';
import Piscina from 'piscina';
import { type Document, loadWorkload, type WorkloadRef } from '../../../workloads/workload.js';

const ref = Piscina.workerData as WorkloadRef;
const workload = await loadWorkload(ref);
const state = await workload.setup?.(ref.options);
const stop = new AbortController();
const context = { state, options: ref.options, signal: stop.signal };

/** The task itself and nothing around it. */
export default function run(document: Document): unknown {
  return workload.default(document, context);
}

/** Tells one worker that is ready from another. */
export function report(): { id: number } {
  return { id: threadId };
}

export async function goodbye(): Promise<{ id: number }> {
  stop.abort();
  await workload.teardown?.(state);
  return { id: threadId };
}
