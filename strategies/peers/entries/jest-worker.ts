import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { type Request, type Serve, serve as serveTask } from './serve.js';

let call: Serve;

/** jest-worker calls this before the first call, and waits for it. It loads this file by `require`: no await at the top. */
export async function setup(ref: WorkloadRef): Promise<void> {
  call = await serveTask(ref);
}

export function serve(request: Request | Document): ReturnType<Serve> {
  return call(request);
}
