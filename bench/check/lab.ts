import type { WorkloadRef } from '../../workloads/workload.js';
import type { CorpusFile } from '../trials/corpus-file.js';
import { Helper } from '../trials/helper.js';
import type { HelperProcesses } from '../trials/helper-processes.js';

/** URLs of the strategies that checks open, each the first of the list with these traits. */
export interface StrategyUrls {
  /** This strategy runs one document after the other on the main thread. */
  readonly baseline: string;
  /** This strategy runs several documents at a time on the main thread. */
  readonly inFlight: string;
}

/** A check needs this to measure a task in fresh processes. */
export interface Lab {
  readonly helpers: HelperProcesses;
  readonly task: WorkloadRef;
  readonly corpus: CorpusFile;
  /** Indices of the documents of the corpus that end in time. */
  readonly inTime: readonly number[];
  readonly strategies: StrategyUrls;
}

/** `lab-host` takes such a request. */
export interface LabRequest {
  /** URL of a module that exports `trial(request)`. */
  readonly module: string;
  readonly request: object;
}

/**
 * Calls `trial(request)`, which the module exports, in a fresh process that has not loaded the task before.
 * @throws what `trial` throws; HelperDied if the process ended, or gave no answer within `timeoutMs`
 */
export async function inFreshProcess<T>(
  { helpers }: Pick<Lab, 'helpers'>,
  { module, request }: LabRequest,
  timeoutMs: number,
): Promise<T> {
  const host = new Helper(helpers, new URL('./lab-host.js', import.meta.url));
  try {
    return await host.ask<T>({ module, request } satisfies LabRequest, { timeoutMs });
  } finally {
    host.end();
  }
}
