import { Worker } from 'node:worker_threads';
import { compileTask } from '../../workloads/task-file.js';
import { RunError } from '../errors.js';

/** What a reduction reads and gives. */
export interface Reduction {
  /** The compiled module. */
  readonly url: string;
  /** Files of lines, which are read one after the other. */
  readonly files: readonly string[];
  /** `context.group`; null for a whole job. */
  readonly group: string | null;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Compiles a module that reduces outcomes, before the job begins, so that a mistake costs little. */
export async function compileReduce(path: string): Promise<string> {
  return (await compileTask(path)).ref.url;
}

/**
 * Runs the module over all outcomes in a worker thread, which reads them one by one, so their number does not
 * matter.
 * @returns the result as JSON
 * @throws RunError with what the module has thrown
 */
export function reduce(
  reduction: Reduction,
  { heapMb, signal }: { readonly heapMb: number; readonly signal: AbortSignal },
): Promise<string> {
  const worker = new Worker(new URL('./reduce-worker.js', import.meta.url), {
    workerData: reduction,
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
  const stop = () => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  return new Promise<string>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', (cause) =>
      reject(new RunError(`reduce: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })),
    );
    worker.once('exit', () => reject(new RunError('reduce: the worker ended without a result')));
  }).finally(() => {
    signal.removeEventListener('abort', stop);
    void worker.terminate();
  });
}
