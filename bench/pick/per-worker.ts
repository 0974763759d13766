import { memoryBytes } from '../../strategies/processes/memory-share.js';
import { type Split, splitOf } from '../../strategies/processes/split.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import type { Kind } from '../../workloads/workload.js';
import type { LoadedStrategy } from '../trials/plan.js';
import { documentsPerWorker } from './pass-size.js';

/**
 * Which splits of processes × threads × documents per worker are worth a place in the race, by the arithmetic
 * of what one document costs alone:
 *
 * - While a document waits, its thread is free for others: 1 + waiting ÷ computing of them keep it busy.
 * - The cores compute at most `cores` documents at a time, whichever threads do it: those of the task, or the
 *   pool of native threads. So there are as many workers as cores, and not more.
 * - Waits come in clusters, so that some more documents are needed than on average.
 * - The numbers tried are powers of two: what the costs ask for, half of it, and twice as many or, where that
 *   is far more than keep the cores busy, a quarter.
 * - Documents in flight take memory, and filling the places takes calls of the task, so that both may cut the
 *   numbers.
 */

/** What the average document costs when it runs alone, ms, measured by the oracle. */
export interface DocumentCost {
  readonly taskMs: number;
  /** CPU time that all threads of the process use, native ones as well. */
  readonly cpuMs: number;
  /** Time during which the thread that runs the task can do nothing else. */
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
  readonly cost: DocumentCost;
  readonly cores: number;
  /** Limit for the whole process tree; null: all memory of the machine. */
  readonly maxMemoryBytes: number | null;
  /** The task is called no more often than this; absent or null: as often as the time allows. */
  readonly maxCalls?: number | null;
  /** The documents have this mean size. */
  readonly documentBytes: number;
}

/** Different splits, whichever strategies use them. More would crowd everything else out of the race. */
export const maxSplits = 12;
/** Callers and servers rarely bear more at once, whatever the costs say. */
const maxPerWorker = 256;
/** More in flight than keep the cores busy on average, because waits come in clusters. */
const spare = 1.5;
/** This factor more than keep the cores busy only costs memory and latency. */
const maxSurplus = 4;
/** More than one document pays only if the thread is free for this factor of its computing time. */
const minFree = 1.2;
/** Documents in flight may take this part of a memory limit, with what the task makes of them. */
const inFlightShare = 0.1;
/** A task holds a document and about as much again that it makes of it. */
const copies = 2;
/**
 * A document that is in flight takes about this much besides: its promise, its timer or socket, and what a
 * message needs.
 */
const inFlightBytes = 64e3;
/** The first block fills the places of each split about this often: a warm-up, a pass, and a checked pass. */
const callsPerPlace = 3 * documentsPerWorker[0];
/** The first block of all splits may use this share of the calls that are allowed. */
const callsShare = 0.5;

/** The splits to race, the most promising first; none for tasks that compute. */
export function splitsToTry(options: SplitsOptions): StrategySplit[] {
  const wholeCores = Math.max(1, Math.floor(options.cores));
  const able = options.strategies.filter(({ strategy }) => strategy.perWorker === true);
  const places = Math.floor(maxInFlight(options, able.length) / wholeCores);
  const splits = perWorkerToTry({ ...options, maxPerWorker: Math.min(places, maxPerWorker) }).flatMap(
    (perWorker) => able.map(({ strategy }) => splitFor(strategy, wholeCores, perWorker)),
  );
  const kept = [...new Set(splits.map(splitText))].slice(0, maxSplits);
  return splits.filter((split) => kept.includes(splitText(split)));
}

function splitText({ processes, threads, perWorker }: Split): string {
  return `${processes} × ${threads} × ${perWorker}`;
}

/** How many documents may be in flight in all workers together, by the memory and by the calls. */
function maxInFlight({ maxMemoryBytes, documentBytes, maxCalls }: SplitsOptions, strategies: number): number {
  const bytes = inFlightShare * (maxMemoryBytes ?? memoryBytes());
  const inMemory = bytes / (documentBytes * copies + inFlightBytes);
  const splits = strategies * triedPerStrategy;
  const paid = maxCalls == null ? inMemory : (callsShare * maxCalls) / (callsPerPlace * splits);
  return Math.floor(Math.min(inMemory, paid));
}

/** The number that the costs ask for, half of it, and a third one. */
const triedPerStrategy = 3;

/**
 * Numbers of documents per worker, the most promising first. If the limit is below what the costs ask for,
 * the largest power of two within it takes its place.
 */
export function perWorkerToTry({
  kind,
  cost: { taskMs, cpuMs, loopMs },
  maxPerWorker: max = maxPerWorker,
}: Pick<SplitsOptions, 'kind' | 'cost'> & { readonly maxPerWorker?: number }): number[] {
  const isFree = taskMs / Math.max(loopMs, 1e-3) >= minFree;
  if (kind === 'cpu' || !isFree || max < 2) return [];
  const enough = 2 ** Math.ceil(Math.log2((spare * taskMs) / Math.max(cpuMs, 1e-3)));
  const asked = Math.min(2 ** Math.floor(Math.log2(max)), Math.max(2, enough));
  const further = asked * 2 <= (maxSurplus * taskMs) / Math.max(cpuMs, 1e-3) ? asked * 2 : asked / 4;
  return [asked, asked / 2, further].filter((count) => count >= 2 && count <= max);
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
