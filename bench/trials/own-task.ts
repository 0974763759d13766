import type { RecommendedTask } from '../../runner/recommendation.js';
import { compileTask, type TaskFile } from '../../workloads/task-file.js';
import type { BenchRequest } from './request.js';

/**
 * The request with a user's own task compiled, once for all that run it; without one, as it is.
 * @throws WorkloadError when the task does not compile.
 */
export async function compileOwn(request: BenchRequest): Promise<BenchRequest> {
  const source = request.workloads.find((entry) => entry.source !== undefined)?.source;
  if (source === undefined) return request;
  const own = await compileTask(source);
  return {
    ...request,
    own,
    workloads: request.workloads.map(({ source: _, ...entry }) => ({ ...entry, url: own.ref.url })),
  };
}

/** A task as it stands in a run's environment and in recommendations. */
export function taskRecord({ ref, file, export: name, sha256 }: TaskFile): RecommendedTask {
  return { name: ref.name, file, export: name, sha256 };
}
