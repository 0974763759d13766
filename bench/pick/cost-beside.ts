import type { Kind } from '../../workloads/workload.js';
import type { CorpusFile } from '../trials/corpus-file.js';
import type { LoadedStrategy } from '../trials/plan.js';
import type { TaskOracle } from './oracle.js';
import { type DocumentCost, perWorkerToTry } from './per-worker.js';

export interface BesideOptions {
  readonly file: CorpusFile;
  readonly kind: Kind;
  /** What a document costs while no other is in flight. */
  readonly alone: DocumentCost;
  /** This share of the documents fails alone. */
  readonly failedShare: number;
  /** One of them may run several documents at the same time on its caller's thread. */
  readonly strategies: readonly LoadedStrategy[];
  readonly maxCalls: number | null;
  /** The measurement may take this long. */
  readonly longestMs: number;
}

/** The cost is measured for this long, or for this many times the duration of a document. */
const usual = { ms: 1000, documents: 8 };
/** A task that fails on this factor more documents than alone does not bear others beside them. */
const maxFailedFactor = 2;

/**
 * Measures what a document computes while others wait, where the task waits.
 * @param oracle it can run nothing more where the task ended its process
 * @returns CPU and loop time, at most those of a document alone; null where documents are never in flight
 * together, where calls of the task are counted, or where the task failed or hung: then the costs alone count
 */
export async function costBeside(
  oracle: TaskOracle,
  { file, kind, alone, failedShare, strategies, maxCalls, longestMs }: BesideOptions,
): Promise<Pick<DocumentCost, 'cpuMs' | 'loopMs'> | null> {
  const [inFlight] = perWorkerToTry({ kind, cost: alone });
  const strategy = strategies.find(
    ({ strategy: { isolation, concurrency } }) => isolation === 'none' && concurrency === 'in flight',
  );
  const timeMs = Math.max(usual.ms, usual.documents * alone.taskMs);
  if (inFlight === undefined || strategy === undefined || maxCalls !== null || timeMs > longestMs)
    return null;
  const found = await oracle
    .inFlightCost(file, { strategy: strategy.url, inFlight, timeMs })
    .catch((cause: Error) => {
      if (cause.name === 'HelperDied') return null;
      throw cause;
    });
  if (found === null || found.cost === null) return null;
  if (found.failed / found.calls > maxFailedFactor * failedShare) return null;
  const { cpuMs, loopMs } = found.cost;
  return { cpuMs: Math.min(alone.cpuMs, cpuMs), loopMs: Math.min(alone.loopMs, loopMs) };
}
