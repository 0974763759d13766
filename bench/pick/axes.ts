import type { Limits } from '../../strategies/processes/memory-share.js';
import {
  type Delivery,
  deliveriesOfBytes,
  type Isolation,
  isolates,
  type StrategyTraits,
} from '../../strategies/strategy.js';
import type { Kind } from '../../workloads/workload.js';
import type { CorpusSource } from '../trials/corpus-file.js';
import {
  type Cell,
  countsOf,
  defaultDelivery,
  type LoadedStrategy,
  type PreparedCorpus,
  type PreparedWorkload,
} from '../trials/plan.js';
import { limitsUnder } from './limits.js';
import { type DocumentCost, type StrategySplit, splitsToTry } from './per-worker.js';

/** Which strategies × workers × deliveries `pick` tries, by what a document costs alone. */

export interface ConfigurationOptions {
  readonly workload: PreparedWorkload;
  readonly corpus: PreparedCorpus;
  readonly strategies: readonly LoadedStrategy[];
  readonly cost: DocumentCost;
  readonly cores: number;
  /** The weakest isolation between a task and its caller that is acceptable. */
  readonly isolation: Isolation;
  /** Limit for the whole process tree; null means no limit. */
  readonly maxMemoryBytes: number | null;
  /** The task is called no more often than this; absent or null: as often as the time allows. */
  readonly maxCalls?: number | null;
  /**
   * Time that one block of all configurations should not exceed, milliseconds; passes get fewer documents
   * to keep it. Absent means no limit.
   */
  readonly blockMs?: number;
  /** Strategies between machines use agents that are there. Absent: each trial starts its own. */
  readonly there?: AgentsThere | null;
}

export interface AgentsThere {
  readonly broker: string;
  /** All agents together have this many workers, with a core each. */
  readonly workers: number;
}

/**
 * One thread is tried with this factor more documents in flight than its costs ask for. With a factor of 1.5,
 * gzip in native threads was tried with 8 at most, and 16 in flight had 1.17 times the rate of 8.
 */
const spareInFlight = 3;
/** Requests in flight on one thread that are worth trying; a server rarely answers more at once. */
const maxInFlight = 64;
/**
 * Waiting tasks need this factor more workers than keep the cores busy on average, because waits come in
 * clusters.
 */
const spare = 1.5;
/**
 * More in flight on one thread pays only if the task leaves its thread free for this factor of its
 * computing time.
 */
const minInFlight = 1.2;
/** Threads or processes per core beyond which waiting tasks gain too little for the memory they take. */
const maxWaitingPerCore = 8;

export type Axes = Pick<
  Cell,
  'strategy' | 'workers' | 'delivery' | 'perWorker' | 'configuration' | 'brokerUrl'
> & {
  readonly limits: Limits;
};

/**
 * Every strategy × workers × delivery that is worth trying, keeps the isolation and fits into the memory
 * limit. A strategy for stages is tried where the task has some.
 */
export function axesOf(options: ConfigurationOptions): Axes[] {
  const { workload, corpus, strategies, cost, cores, isolation, maxMemoryBytes, there = null } = options;
  const shared = splitsOf(options);
  return strategies
    .filter(({ strategy }) => strategy.baseline || isolates(strategy.isolation, isolation))
    .filter(({ strategy }) => strategy.staged !== true || corpus.stages !== undefined)
    .flatMap((loaded) => {
      const { strategy } = loaded;
      const { kind } = workload;
      const agents = strategy.isolation === 'machine' ? there : null;
      const own = strategy.scales ? workerCounts(strategy, { kind, cost, cores }) : [1];
      const counts = agents === null ? own : [agents.workers];
      const splitting = { fixed: null, cores };
      const splits = countsOf(loaded, { corpus, workers: counts, splitting });
      const split = new Map(splits.map((split) => [split.workers, split]));
      const several = shared.flatMap((one): Axes[] => {
        if (one.strategy !== strategy.name) return [];
        const { workers, perWorker } = one;
        const limits = limitsUnder(maxMemoryBytes, { isolation: strategy.isolation, workers });
        const delivery = defaultDelivery(strategy, corpus.file.source);
        return limits === null ? [] : [{ strategy: loaded, delivery, limits, workers, perWorker }];
      });
      // A strategy with axes has no advantage over simpler ones while its workers run one document, unless
      // they are on other machines.
      const isElsewhere = strategy.isolation === 'machine';
      if (strategy.axes !== undefined && strategy.staged !== true && !isElsewhere) return several;
      const ways = waysOf(strategy, [...split.keys()], { kind, source: corpus.file.source }).flatMap(
        ({ delivery, workers }): Axes[] => {
          const limits = limitsUnder(maxMemoryBytes, { isolation: strategy.isolation, workers });
          return limits === null
            ? []
            : [
                {
                  strategy: loaded,
                  delivery,
                  limits,
                  workers,
                  ...split.get(workers),
                  ...(agents !== null && { brokerUrl: agents.broker }),
                },
              ];
        },
      );
      return [...ways, ...several];
    });
}

/** Splits with several documents per worker that are worth trying. */
export function splitsOf(options: ConfigurationOptions): StrategySplit[] {
  const { workload, corpus, strategies, isolation } = options;
  return splitsToTry({
    ...options,
    kind: workload.kind,
    documentBytes: corpus.bytes / Math.max(1, corpus.documents),
    strategies: strategies.filter(({ strategy }) => isolates(strategy.isolation, isolation)),
  });
}

interface Documents {
  readonly kind: Kind;
  readonly source: CorpusSource;
}

type Way = Pick<Cell, 'delivery' | 'workers'>;

/**
 * The deliveries of a strategy, each with the numbers of workers to try. With files the workers read them:
 * what the caller reads, it must also hand over. Its reading is tried once for each strategy, with all
 * workers, so that a strategy whose workers read slowly is not judged by that alone; more would double the
 * race.
 */
function waysOf(strategy: StrategyTraits, counts: readonly number[], { kind, source }: Documents): Way[] {
  const atCounts = (delivery: Delivery, counts: readonly number[]) =>
    counts.map((workers): Way => ({ delivery, workers }));
  const all = deliveriesOfBytes(strategy);
  // Delivery makes no difference that matters when documents mostly wait.
  const tried = kind === 'cpu' ? all : all.slice(0, 1);
  if (source === 'memory') return tried.flatMap((delivery) => atCounts(delivery, counts));
  const usual = defaultDelivery(strategy, source);
  const [byCaller] = all.filter((delivery) => delivery !== usual);
  if (byCaller === undefined || kind !== 'cpu' || strategy.isolation === 'none')
    return atCounts(usual, counts);
  return [...atCounts(usual, counts), ...atCounts(byCaller, counts.slice(-1))];
}

export interface Machine {
  readonly cost: DocumentCost;
  readonly cores: number;
}

/** Worker counts to try: doubled up to the largest that can help. */
export function workerCounts(
  strategy: Pick<StrategyTraits, 'isolation'>,
  { kind, cost, cores }: Machine & { readonly kind: Kind },
): number[] {
  const wholeCores = Math.max(1, Math.floor(cores));
  if (strategy.isolation === 'none') {
    const inFlight = cost.taskMs / Math.max(cost.loopMs, 1e-3);
    return inFlight < minInFlight
      ? [1]
      : doubledUpTo(Math.min(maxInFlight, nextPower(spareInFlight * inFlight)));
  }
  if (kind === 'cpu') return doubledUpTo(wholeCores);
  const enough = (spare * wholeCores * cost.taskMs) / Math.max(cost.cpuMs, 1e-3);
  return doubledUpTo(Math.max(wholeCores, Math.min(nextPower(enough), maxWaitingPerCore * wholeCores)));
}

/**
 * Rounds up to a power of two, so that small differences between measurements do not change the counts to
 * try.
 */
function nextPower(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

/** The list 1, 2, 4, …, max; `max` itself is always included. */
function doubledUpTo(max: number): number[] {
  const doubled = Array.from({ length: Math.floor(Math.log2(max)) + 1 }, (_, i) => 2 ** i);
  return doubled.at(-1) === max ? doubled : [...doubled, max];
}
