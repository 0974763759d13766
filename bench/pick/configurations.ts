import { predictedRate } from '../../control/allotment.js';
import type { Limits } from '../../strategies/processes/memory-share.js';
import {
  type Delivery,
  deliveriesOfBytes,
  type Isolation,
  isolates,
  type StrategyTraits,
} from '../../strategies/strategy.js';
import type { Kind } from '../../workloads/workload.js';
import { mean } from '../stats/estimate.js';
import type { CorpusSource } from '../trials/corpus-file.js';
import {
  type Cell,
  countsOf,
  defaultDelivery,
  type LoadedStrategy,
  type PreparedCorpus,
  type PreparedWorkload,
} from '../trials/plan.js';
import { estimateTrialMs } from '../trials/timing.js';
import { configurationName } from '../verdict/configurations.js';
import { shortNamer } from '../words/configuration.js';
import { limitsUnder } from './limits.js';
import {
  documentsForPass,
  documentsPerWorker,
  maxDocumentsInPass,
  perWorkerInPass,
  timesOver,
} from './pass-size.js';
import { type SplitsOptions, type StrategySplit, splitsToTry } from './per-worker.js';
import { shortest } from './race/timings.js';

/**
 * A configuration that `pick` may choose (strategy × workers × delivery), with the documents of its trials.
 */
export interface Configuration {
  /** The cell that one trial of it measures. */
  readonly cell: Cell;
  /**
   * The highest rate it could reach, documents per second, given what one document costs alone: each worker
   * is busy with a document for that document's whole time (Little's law), and the cores can compute only
   * so much. It assumes that a document costs no less beside others than alone.
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

/**
 * Lists every configuration that may be chosen, and always the baseline. Tasks that compute never get more
 * workers than cores. Tasks that wait get enough workers to keep the cores busy, and some more while they
 * are worth their memory.
 *
 * All configurations run the same documents if there is time for that. Otherwise each gets as many as it
 * needs, and `costRatio` makes their rates comparable.
 */
export function configurationsOf(options: ConfigurationOptions): Configuration[] {
  const { workload, cores, blockMs = Number.POSITIVE_INFINITY } = options;
  const blockTakes = (configurations: readonly Configuration[]) =>
    configurations.reduce((sum, { cell }) => sum + estimateTrialMs(cell, shortest.screening, cores), 0);
  const same = documentsPerWorker.map((perWorker) => ({ perWorker, same: true }));
  const own = perWorkerInPass({ ...options, ...workload }).map((perWorker) => ({ perWorker, same: false }));
  // One worker that waits takes so much longer than many that few documents for all would be too few for
  // the many.
  const ways = workload.kind === 'cpu' ? [...same, ...own] : [...same.slice(0, 1), ...own];
  let found: Configuration[] = [];
  for (const way of ways) {
    found = configurationsWith(options, way);
    if (blockTakes(found) <= blockMs) break;
  }
  return found;
}

interface PassOptions {
  readonly perWorker: number;
  /** True if all configurations run the same documents. */
  readonly same: boolean;
}

function configurationsWith(
  options: ConfigurationOptions,
  { perWorker, same }: PassOptions,
): Configuration[] {
  const all = axesOf(options).map((axes) => {
    const atOnce = axes.workers * (axes.perWorker ?? 1);
    const maxRate = Math.max(
      maxRateOf(axes.strategy.strategy, atOnce, { ...options, cores: coresOf(axes, options) }),
      stagedRate(axes, options),
    );
    const wanted = documentsForPass({ maxRate, workers: atOnce, perWorker });
    return { axes, maxRate, wanted };
  });
  const { workload, corpus, cost } = options;
  const largest = Math.max(...all.map(({ wanted }) => wanted));
  return all.map(({ axes: { limits, ...axes }, maxRate, wanted }) => {
    const documents = timesOver(corpus.profile.documents, {
      wanted: same ? largest : wanted,
      max: corpus.documents,
    });
    return {
      maxRate,
      cell: { workload, corpus: firstOf(corpus, { documents, same, cost }), ...axes, limits },
    };
  });
}

type Axes = Pick<Cell, 'strategy' | 'workers' | 'delivery' | 'perWorker' | 'configuration' | 'brokerUrl'> & {
  readonly limits: Limits;
};

/**
 * Every strategy × workers × delivery that is worth trying, keeps the isolation and fits into the memory
 * limit. A strategy for stages is tried where the task has some.
 */
function axesOf(options: ConfigurationOptions): Axes[] {
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

function coresOf({ brokerUrl, workers }: Axes, { cores }: Pick<Machine, 'cores'>): number {
  return brokerUrl === undefined ? cores : workers;
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

/** The rate that the slowest stage allows, where stages have workers of their own: batches may save work. */
function stagedRate({ configuration }: Axes, { corpus: { stages } }: ConfigurationOptions): number {
  if (configuration === undefined || stages === undefined) return 0;
  return predictedRate(
    stages,
    stages.map(({ name }) => configuration[name] ?? 1),
  );
}

/** The largest number of documents that a pass of any of these strategies' configurations can use. */
export function documentsWanted(
  strategies: readonly LoadedStrategy[],
  options: Omit<SplitsOptions, 'strategies'>,
): number {
  const single = strategies.flatMap(({ strategy }) =>
    (strategy.scales ? workerCounts(strategy, options) : [1]).map((workers) => ({ strategy, workers })),
  );
  // Splits have as many workers as cores, so that their threads limit the rate no more than the cores do.
  const several = splitsToTry({ ...options, strategies }).map(({ workers, perWorker }) => ({
    strategy: { isolation: 'thread' as const },
    workers: workers * perWorker,
  }));
  const wanted = [...single, ...several].map(({ strategy, workers }) => {
    const maxRate = maxRateOf(strategy, workers, options);
    return documentsForPass({ maxRate, workers, perWorker: perWorkerInPass(options)[0] as number });
  });
  return Math.min(maxDocumentsInPass, Math.max(...wanted));
}

/**
 * The first documents of a corpus as a corpus; its order is stratified by cost, so every prefix is a sample
 * of it.
 */
function firstOf(
  corpus: PreparedCorpus,
  {
    documents,
    same,
    cost,
  }: { readonly documents: number; readonly same: boolean; readonly cost: DocumentCost },
): PreparedCorpus {
  const share = documents / corpus.documents;
  const all = corpus.costsMs ?? [];
  const costsMs = all.slice(0, documents);
  const meanMs = costsMs.length === 0 ? corpus.sequentialMs / corpus.documents : mean(costsMs);
  return {
    ...corpus,
    documents,
    bytes: corpus.bytes * share,
    sequentialMs: documents * meanMs,
    computingMs: documents * meanMs * Math.min(1, cost.cpuMs / Math.max(cost.taskMs, 1e-6)),
    ...(costsMs.length > 0 && { costsMs }),
    ...(!same && costsMs.length > 0 && { costRatio: meanMs / mean(all) }),
  };
}

/** Mean cost of the documents that comparable rates refer to, milliseconds. */
export function passMeanMs([first]: readonly Configuration[]): number {
  const { sequentialMs, documents, costRatio = 1 } = (first as Configuration).cell.corpus;
  return sequentialMs / documents / costRatio;
}

/** Names for people, as in tables: "queue (path) × 2", "hybrid (4 per worker) × 2", "sequential". */
export function titles(configurations: readonly Configuration[]): (one: Configuration) => string {
  const named = ({ cell: { strategy, workers, delivery, perWorker } }: Configuration) => ({
    strategy: strategy.strategy.name,
    workers,
    delivery,
    per_worker: perWorker ?? null,
  });
  const traits = [...new Set(configurations.map(({ cell }) => cell.strategy.strategy))];
  const title = shortNamer(traits, configurations.map(named));
  return (one) => title(named(one));
}

export function nameOf({ cell: { strategy, workers, delivery, perWorker } }: Configuration): string {
  const per_worker = perWorker ?? null;
  return configurationName({ strategy: strategy.strategy.name, workers, delivery, per_worker });
}
