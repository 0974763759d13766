import { compileTask } from '../workloads/task-file.js';
import type { BenchRequest } from './request.js';

/**
 * The request with a user's own task compiled, once for all that run it; without one, as it is.
 * @throws WorkloadError when the task does not compile.
 */
export async function compileOwn(request: BenchRequest): Promise<BenchRequest> {
  const workloads = request.workloads.map(async ({ source, ...entry }) =>
    source === undefined ? entry : { ...entry, url: (await compileTask(source)).ref.url },
  );
  return { ...request, workloads: await Promise.all(workloads) };
}
