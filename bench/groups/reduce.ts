import { Worker } from 'node:worker_threads';
import { compileTask } from '../../workloads/task-file.js';
import { WorkloadError } from '../../workloads/workload.js';
import { RunError } from '../errors.js';

/** A module that reduces outcomes. */
export interface Reducer {
  /** The path of the module, as messages name it. */
  readonly path: string;
  /** The compiled module. */
  readonly url: string;
}

/** What a reduction reads. */
export interface Reduction {
  /** Files of lines, which are read one after the other. */
  readonly files: readonly string[];
  /** `context.group`; null for a whole job. */
  readonly group: string | null;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The worker gets this. It only loads the module where `reduction` is null. */
export interface ReduceWorkerData {
  readonly url: string;
  readonly reduction: Reduction | null;
}

/**
 * Compiles a module that reduces outcomes, and loads it once in a thread of its own, before the job begins: a
 * mistake in it must not cost the whole job.
 * @throws WorkloadError when it does not compile or load, or its default export is no function
 */
export async function compileReduce(path: string): Promise<Reducer> {
  const { url } = (await compileTask(path, {}, 'reduce')).ref;
  await inWorker({ url, reduction: null }, {}).catch((cause: Error) => {
    throw new WorkloadError(`reduce "${path}": ${cause.message}`, { cause });
  });
  return { path, url };
}

/**
 * Runs the module over all outcomes in a worker thread, which reads them one by one, so their number does not
 * matter.
 * @returns the result as JSON
 * @throws RunError with what the module has thrown, and where
 */
export function reduce(
  { path, url }: Reducer,
  reduction: Reduction,
  options: { readonly heapMb: number; readonly signal: AbortSignal },
): Promise<string> {
  return inWorker({ url, reduction }, options).catch((cause: Error) => {
    throw new RunError(`reduce "${path}": ${cause.message}`, { cause });
  });
}

async function inWorker(
  data: ReduceWorkerData,
  { heapMb, signal }: { readonly heapMb?: number; readonly signal?: AbortSignal },
): Promise<string> {
  const worker = new Worker(new URL('./reduce-worker.js', import.meta.url), {
    workerData: data,
    ...(heapMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
  });
  const stop = () => void worker.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', (cause) => reject(cause instanceof Error ? cause : new Error(String(cause))));
      worker.once('exit', () => reject(new Error('its thread has ended without a result')));
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    void worker.terminate();
  }
}
