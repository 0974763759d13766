import { type Split, splitOf } from '../../strategies/processes/split.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import type { Kind } from '../../workloads/workload.js';
import type { LoadedStrategy } from '../trials/plan.js';

/**
 * Which splits of processes × threads × documents per worker are worth a place in the race, by the arithmetic
 * of what one document costs alone:
 *
 * - While a document waits, its thread is free for others: 1 + waiting ÷ computing of them keep it busy.
 * - The cores compute at most `cores` documents at a time, whichever threads do it: those of the task, or the
 *   pool of native threads. So there are as many workers as cores, and not more.
 * - Waits come in clusters, so that some more documents are needed than on average.
 */

/** What one document costs alone, ms. `cpuMs` has all threads, native ones as well. */
export interface SplitCost {
  readonly taskMs: number;
  readonly cpuMs: number;
  readonly loopMs: number;
}

/** One split of a strategy. */
export interface StrategySplit extends Split {
  readonly strategy: string;
  /** Processes × threads. */
  readonly workers: number;
}

export interface SplitsOptions {
  readonly strategies: readonly LoadedStrategy[];
  readonly kind: Kind;
  readonly cost: SplitCost;
  readonly cores: number;
  /** Limit for the whole process tree; null: no limit. */
  readonly maxMemoryBytes: number | null;
  /** The documents have this mean size. */
  readonly documentBytes: number;
}

/** More would crowd everything else out of the race. */
export const maxSplits = 12;
const maxPerWorker = 64;
/** More in flight than keep the cores busy on average, because waits come in clusters. */
const spare = 1.5;
/** More than one document pays only if the thread is free for this factor of its computing time. */
const minFree = 1.2;
/** Documents in flight may take this part of a memory limit, with what the task makes of them. */
const inFlightShare = 0.1;
/** A task holds a document and about as much again that it makes of it. */
const copies = 2;

/** The splits to race, the most promising first; none for tasks that compute. */
export function splitsToTry(options: SplitsOptions): StrategySplit[] {
  const { strategies, cores, maxMemoryBytes, documentBytes } = options;
  const wholeCores = Math.max(1, Math.floor(cores));
  const fits = ({ workers, perWorker }: StrategySplit) =>
    maxMemoryBytes === null || workers * perWorker * documentBytes * copies <= inFlightShare * maxMemoryBytes;
  const able = strategies.filter(({ strategy }) => strategy.perWorker === true);
  const splits = perWorkerToTry(options).flatMap((perWorker) =>
    able.map(({ strategy }) => splitFor(strategy, wholeCores, perWorker)),
  );
  return splits.filter(fits).slice(0, maxSplits);
}

/** Numbers of documents per worker: the one that the costs ask for, then half of it and twice as many. */
export function perWorkerToTry({
  kind,
  cost: { taskMs, cpuMs, loopMs },
}: Pick<SplitsOptions, 'kind' | 'cost'>): number[] {
  const isFree = taskMs / Math.max(loopMs, 1e-3) >= minFree;
  if (kind === 'cpu' || !isFree) return [];
  const enough = 2 ** Math.ceil(Math.log2((spare * taskMs) / Math.max(cpuMs, 1e-3)));
  const asked = Math.min(maxPerWorker, Math.max(2, enough));
  return [asked, asked / 2, asked * 2].filter((count) => count >= 2 && count <= maxPerWorker);
}

/** A strategy with axes has several threads in each of its processes, where there are enough workers. */
function splitFor(strategy: StrategyTraits, workers: number, perWorker: number): StrategySplit {
  const { name, axes, isolation } = strategy;
  const split =
    axes !== undefined
      ? splitOf(workers, { perWorker })
      : isolation === 'thread'
        ? { processes: 1, threads: workers, perWorker }
        : { processes: workers, threads: 1, perWorker };
  return { strategy: name, workers, ...split };
}
