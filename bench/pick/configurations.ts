import { type Isolation, isolates, type StrategyTraits } from '../../strategies/strategy.js';
import type { Kind } from '../../workloads/workload.js';
import {
  type Cell,
  estimateTrialMs,
  type LoadedStrategy,
  type PreparedCorpus,
  type PreparedWorkload,
  type Timing,
} from '../trials/plan.js';
import { configurationName } from '../verdict/configurations.js';
import { limitsUnder } from './limits.js';
import { documentsForPass, documentsPerWorker, maxDocumentsInPass, timesOver } from './pass-size.js';

/**
 * A configuration that `pick` may choose (strategy × workers × delivery), with the documents of its trials.
 */
export interface Configuration {
  /** The cell that one trial of it measures. */
  readonly cell: Cell;
  /**
   * * The highest rate it could reach, documents per second, given what one document costs alone: each worker
   * is busy with a document for that document's whole time (Little's law), and the cores can compute only so
   * much. It assumes that a document costs no less beside others than alone.
   */
  readonly maxRate: number;
}

/** The cost of the average document when it runs alone, measured by the oracle. */
export interface DocumentCost {
  readonly taskMs: number;
  /** CPU time that all threads of the process use. */
  readonly cpuMs: number;
  /** Time during which the thread that runs the task can do nothing else. */
  readonly loopMs: number;
}

/** Timing of trials while many configurations are in the race. */
export const screening: Timing = { timeMs: 80, warmupMs: 60, warmupMostMs: 300 };
/** Timing of the finalists' trials, which are longer. */
export const final: Timing = { timeMs: 250, warmupMs: 300, warmupMostMs: 800 };

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
  /**
   * * Time that one block of all configurations should not exceed, milliseconds; passes get fewer documents
   * to keep it. Absent means no limit.
   */
  readonly blockMs?: number;
}

/** Requests in flight on one thread that are worth trying; a server rarely answers more at once. */
const maxInFlight = 64;
/**
 * Waiting tasks need this factor more workers than keep the cores busy on average, because waits come in
 * clusters.
 */
const spare = 1.5;
/**
 * More in flight on one thread pays only if the task leaves its thread free for this factor of its computing
 * time.
 */
const minInFlight = 1.2;
/** Threads or processes per core beyond which waiting tasks gain too little for the memory they take. */
const maxWaitingPerCore = 8;

/**
 * * Lists every configuration that may be chosen, and always the baseline. Tasks that compute never get more
 * workers than cores. Tasks that wait get enough workers to keep the cores busy, and some more while they are
 * worth their memory.
 */
export function configurationsOf(options: ConfigurationOptions): Configuration[] {
  const { cores, blockMs = Number.POSITIVE_INFINITY } = options;
  const blockTakes = (configurations: readonly Configuration[]) =>
    configurations.reduce((sum, { cell }) => sum + estimateTrialMs(cell, screening, cores), 0);
  const tries = documentsPerWorker.map((perWorker) => configurationsWith(options, perWorker));
  return (tries.find((found) => blockTakes(found) <= blockMs) ?? tries.at(-1)) as Configuration[];
}

function configurationsWith(options: ConfigurationOptions, perWorker: number): Configuration[] {
  const { workload, strategies, cost, cores, isolation } = options;
  return strategies
    .filter(({ strategy }) => strategy.baseline || isolates(strategy.isolation, isolation))
    .flatMap((loaded) => {
      const { strategy } = loaded;
      const counts = strategy.scales ? workerCounts(strategy, { kind: workload.kind, cost, cores }) : [1];
      // Delivery makes no difference that matters when documents mostly wait.
      const deliveries = workload.kind === 'cpu' ? strategy.deliveries : strategy.deliveries.slice(0, 1);
      return deliveries.flatMap((delivery) =>
        counts.flatMap((workers) =>
          configurationWith(options, { strategy: loaded, workers, delivery, perWorker }),
        ),
      );
    });
}

/** One configuration as a list, which is empty if its workers cannot fit into the memory limit. */
function configurationWith(
  { workload, corpus, cost, cores, maxMemoryBytes }: ConfigurationOptions,
  { perWorker, ...axes }: Pick<Cell, 'strategy' | 'workers' | 'delivery'> & { readonly perWorker: number },
): Configuration[] {
  const { strategy } = axes.strategy;
  const limits = limitsUnder(maxMemoryBytes, { isolation: strategy.isolation, workers: axes.workers });
  if (limits === null) return [];
  const maxRate = maxRateOf(strategy, axes.workers, { cost, cores });
  const documents = timesOver(corpus.profile.documents, {
    wanted: documentsForPass({ maxRate, workers: axes.workers, perWorker }),
    max: corpus.documents,
  });
  return [{ maxRate, cell: { workload, corpus: firstOf(corpus, documents), ...axes, limits } }];
}

interface Machine {
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
    return inFlight < minInFlight ? [1] : doubledUpTo(Math.min(maxInFlight, nextPower(spare * inFlight)));
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

function maxRateOf(
  { isolation }: Pick<StrategyTraits, 'isolation'>,
  workers: number,
  { cost, cores }: Machine,
): number {
  const { taskMs, cpuMs, loopMs } = cost;
  const oneThread = isolation === 'none' ? 1 / Math.max(loopMs, 1e-6) : Number.POSITIVE_INFINITY;
  return 1000 * Math.min(workers / Math.max(taskMs, 1e-6), cores / Math.max(cpuMs, 1e-6), oneThread);
}

/** The largest number of documents that a pass of any of these strategies' configurations can use. */
export function documentsWanted(
  strategies: readonly LoadedStrategy[],
  machine: Machine & { readonly kind: Kind },
): number {
  const wanted = strategies.flatMap(({ strategy }) =>
    (strategy.scales ? workerCounts(strategy, machine) : [1]).map((workers) => {
      const maxRate = maxRateOf(strategy, workers, machine);
      return documentsForPass({ maxRate, workers, perWorker: documentsPerWorker[0] });
    }),
  );
  return Math.min(maxDocumentsInPass, Math.max(...wanted));
}

/**
 * The first documents of a corpus as a corpus. Its order is shuffled, so every prefix has documents of mixed
 * sizes.
 */
function firstOf(corpus: PreparedCorpus, documents: number): PreparedCorpus {
  const share = documents / corpus.documents;
  return { ...corpus, documents, bytes: corpus.bytes * share, sequentialMs: corpus.sequentialMs * share };
}

export function nameOf({ cell: { strategy, workers, delivery } }: Configuration): string {
  return configurationName({ strategy: strategy.strategy.name, workers, delivery });
}
