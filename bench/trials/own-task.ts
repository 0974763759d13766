import type { RecommendedTask } from '../../runner/recommendation.js';
import { compileTask, type TaskFile } from '../../workloads/task-file.js';
import type { BenchRequest } from './request.js';

/**
 * Compiles the user's own task, once for all processes that run it, and returns the request with the compiled
 * task. A request without a task of the user's own is returned as it is.
 * @throws WorkloadError if the task does not compile.
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

/** Describes a task in the form that a run's environment and recommendations record. */
export function taskRecord({ ref, file, export: name, sha256 }: TaskFile): RecommendedTask {
  return { name: ref.name, file, export: name, sha256 };
}

/** A hint for a task that has failed on every document: a file may have many records, and is one document. */
export function oneFileHint(documents: number): string {
  return documents === 1 ? '; --docs has one file, and a file is one document' : '';
}
