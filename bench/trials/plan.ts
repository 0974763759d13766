import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type {
  Configuration,
  Delivery,
  OpenOptions,
  ServiceLimit,
  StrategyTraits,
} from '../../strategies/strategy.js';
import type { SizeProfile } from '../../workloads/documents.js';
import type { Kind, WorkloadRef } from '../../workloads/workload.js';
import { groupBy } from '../stats/group-by.js';
import type { CorpusFile, CorpusSource } from './corpus-file.js';
import { type StageCost, splitsOf } from './splits.js';

/**
 * A corpus that is ready for trials of one workload: it is written to files, and the oracle has run it once.
 */
export interface PreparedCorpus {
  readonly name: string;
  /** Says as well where the documents are when the clock starts. */
  readonly file: CorpusFile;
  readonly hash: string;
  /** The hash that version 0.1 would have recorded; absent where no such run can be continued. */
  readonly formerHash?: string;
  readonly profile: SizeProfile;
  readonly documents: number;
  readonly bytes: number;
  /** Time that the oracle needs to run all documents, one after the other. */
  readonly sequentialMs: number;
  /** How long one core computes for all documents, ms; absent: unknown. No configuration needs less of it. */
  readonly computingMs?: number;
  /**
   * Time that each document takes alone in the oracle, in corpus order. Documents beyond the end of the list
   * repeat it from the start. Absent if only the sum was kept.
   */
  readonly costsMs?: readonly number[];
  /**
   * The warm-up that an engine needs among others, as work at the cost of warm code, ms; absent: unknown, or
   * the usual one is enough.
   */
  readonly neededWarmupMs?: number;
  /** What each stage costs over these documents; absent where the task is one function. */
  readonly stages?: readonly StageCost[];
  /**
   * Mean cost of these documents ÷ mean cost of the whole sample. It makes rates comparable if configurations
   * run different parts of a sample; absent if all of them run the same documents.
   */
  readonly costRatio?: number;
}

/** Returns what the column `source` says of a corpus: null where its documents are in memory. */
export function sourceCell({ file }: Pick<PreparedCorpus, 'file'>): 'files' | null {
  return file.source === 'files' ? 'files' : null;
}

/** Returns what `environment.json` records of it: nothing where documents are in memory. */
export function sourceRecord(corpus: Pick<PreparedCorpus, 'file'>): { readonly source?: 'files' } {
  const source = sourceCell(corpus);
  return source === null ? {} : { source };
}

export interface PreparedWorkload {
  readonly ref: WorkloadRef;
  readonly kind: Kind;
  readonly corpora: readonly PreparedCorpus[];
  /** The service of the task accepts this much. Absent: it has no limits. */
  readonly limits?: readonly ServiceLimit[];
}

export interface LoadedStrategy {
  readonly url: string;
  readonly strategy: StrategyTraits;
}

/** Finds the strategy that all others are compared with. */
export function baselineOf(loaded: readonly LoadedStrategy[]): LoadedStrategy {
  const baseline = loaded.find(({ strategy }) => strategy.baseline);
  if (baseline === undefined) throw new Error('expected a baseline in the list of strategies, found none');
  return baseline;
}

/** Tells if a strategy is measured on every workload even though the user did not name it. */
export function isMeasuredByDefault({ strategy }: LoadedStrategy): boolean {
  return strategy.measured === 'always';
}

/** Likewise, or because it applies to one of these workloads. */
export function isMeasuredOn(workloads: readonly PreparedWorkload[]): (loaded: LoadedStrategy) => boolean {
  const applies = ({ strategy }: LoadedStrategy) =>
    strategy.measured === 'when it applies' && strategy.staged === true && workloads.some(hasStages);
  return (loaded) => isMeasuredByDefault(loaded) || applies(loaded);
}

export function hasStages({ corpora }: PreparedWorkload): boolean {
  return corpora.some(({ stages }) => stages !== undefined);
}

/** A trial measures a cell: workload × corpus × strategy × workers × delivery × documents per worker. */
export interface Cell {
  readonly workload: PreparedWorkload;
  readonly corpus: PreparedCorpus;
  readonly strategy: LoadedStrategy;
  readonly workers: number;
  readonly delivery: Delivery;
  /** A proxy before the broker makes a round trip this much longer, ms. Absent: there is no proxy. */
  readonly rttMs?: number;
  /** The broker has this address, and its agents are there. Absent: each trial starts its own. */
  readonly brokerUrl?: string;
  /** How the workers are split, where the strategy takes several numbers. */
  readonly configuration?: Configuration;
  /** A worker runs this many documents at the same time. Absent: one. */
  readonly perWorker?: number;
  /** Memory limits of each worker, MB. If one is absent, the strategy's own limit applies. */
  readonly limits?: { readonly heapMb?: number; readonly memoryMb?: number };
}

/** Returns the options that the strategy of a cell is opened with. */
export function openingOf({
  workers,
  delivery,
  configuration,
  perWorker,
  limits,
}: Cell): Pick<OpenOptions, 'workers' | 'delivery' | 'configuration' | 'perWorker' | 'heapMb' | 'memoryMb'> {
  return {
    workers,
    delivery,
    ...(configuration !== undefined && { configuration }),
    ...(perWorker !== undefined && { perWorker }),
    ...limits,
  };
}

export interface PlanOptions {
  readonly workloads: readonly PreparedWorkload[];
  readonly strategies: readonly LoadedStrategy[];
  readonly workers: readonly number[];
  /** The deliveries that the user asked for, if any. */
  readonly deliveries?: readonly Delivery[];
  /** Absent: the documents are in memory. */
  readonly source?: CorpusSource;
}

/** A strategy with the deliveries and the numbers of workers that it is measured with. */
export interface PlannedStrategy {
  readonly loaded: LoadedStrategy;
  readonly deliveries: readonly Delivery[];
  readonly workers: readonly number[];
}

/**
 * Chooses the deliveries and the numbers of workers for each strategy. A strategy that does not scale is
 * measured only with one worker. If a strategy has none of the deliveries that were asked for, it is measured
 * with its default, which is that its workers read where the documents are files.
 */
export function plannedStrategies(
  strategies: readonly LoadedStrategy[],
  { workers, deliveries = [], source = 'memory' }: Pick<PlanOptions, 'workers' | 'deliveries' | 'source'>,
): PlannedStrategy[] {
  return strategies.map((loaded) => ({
    loaded,
    deliveries: deliveriesOf(loaded.strategy, { asked: deliveries, source }),
    workers: loaded.strategy.scales ? workers : [1],
  }));
}

/** How the workers of a strategy with workers for each stage are split. */
export interface Splitting {
  /** The user's own split; null: by what the stages cost. */
  readonly fixed: Configuration | null;
  readonly cores: number;
}

/** Strategies between machines use these networks. */
interface Networks {
  /** They are measured at each of these round-trip times, ms. */
  readonly rttsMs?: readonly number[];
  /** They use this broker and the agents that are there; null: each trial starts its own. */
  readonly broker?: string | null;
}

const byCost = (cores: number): Splitting => ({ fixed: null, cores });

/**
 * Makes a cell of every combination: each corpus of each workload with all deliveries and numbers of workers
 * of each strategy. Strategies between machines are measured at each of the round-trip times, and those with
 * workers for each stage only on tasks with stages, if there is one.
 */
export function cellsOf(
  workloads: readonly PreparedWorkload[],
  planned: readonly PlannedStrategy[],
  {
    rttsMs = [],
    broker = null,
    perWorker = [1],
    ...splitting
  }: Splitting & Networks & { readonly perWorker?: readonly number[] } = byCost(1),
): Cell[] {
  const places = ({ strategy }: LoadedStrategy): Pick<Cell, 'perWorker'>[] =>
    strategy.perWorker === true ? perWorker.map(placesOf) : [{}];
  const networks = ({ strategy }: LoadedStrategy): Pick<Cell, 'rttMs' | 'brokerUrl'>[] => {
    if (strategy.isolation !== 'machine') return [{}];
    if (broker !== null) return [{ brokerUrl: broker }];
    return rttsMs.length > 0 ? rttsMs.map((rttMs) => ({ rttMs })) : [{}];
  };
  const some = workloads.some(hasStages);
  return workloads.flatMap((workload) =>
    workload.corpora.flatMap((corpus) =>
      planned
        .filter(({ loaded }) => loaded.strategy.staged !== true || !some || hasStages(workload))
        .flatMap(({ loaded, deliveries, workers }) =>
          deliveries.flatMap((delivery) =>
            countsOf(loaded, { corpus, workers, splitting }).flatMap((count) =>
              networks(loaded).flatMap((network) =>
                places(loaded).map(
                  (places): Cell => ({
                    workload,
                    corpus,
                    strategy: loaded,
                    delivery,
                    ...count,
                    ...network,
                    ...places,
                  }),
                ),
              ),
            ),
          ),
        ),
    ),
  );
}

/** A cell says nothing of one document per worker. */
export function placesOf(perWorker: number): Pick<Cell, 'perWorker'> {
  return perWorker === 1 ? {} : { perWorker };
}

/** The numbers of workers that a strategy is measured with on a corpus. */
export function countsOf(
  { strategy }: LoadedStrategy,
  {
    corpus: { stages },
    workers,
    splitting,
  }: {
    readonly corpus: Pick<PreparedCorpus, 'stages'>;
    readonly workers: readonly number[];
    readonly splitting: Splitting;
  },
): Pick<Cell, 'workers' | 'configuration'>[] {
  if (strategy.staged !== true || stages === undefined) return workers.map((workers) => ({ workers }));
  return splitsOf(stages, workers, splitting);
}

export function planCells({
  workloads,
  strategies,
  splitting = byCost(1),
  ...options
}: PlanOptions & { readonly splitting?: Splitting }): Cell[] {
  return cellsOf(workloads, plannedStrategies(strategies, options), splitting);
}

function deliveriesOf(
  strategy: StrategyTraits,
  { asked, source }: { readonly asked: readonly Delivery[]; readonly source: CorpusSource },
): readonly Delivery[] {
  const usual = defaultDelivery(strategy, source);
  // There is one baseline in a family, and with files it reads them itself. A limit of the machine has a
  // clock of its own, which leaves out what the caller does.
  if (source === 'files' && (strategy.baseline || strategy.limit === true)) return [usual];
  const both = strategy.deliveries.filter((delivery) => asked.includes(delivery));
  return both.length > 0 ? both : [usual];
}

/** The delivery that a strategy is measured with if nothing else is asked for. */
export function defaultDelivery(
  { deliveries }: Pick<StrategyTraits, 'deliveries'>,
  source: CorpusSource,
): Delivery {
  return source === 'files' && deliveries.includes('reference') ? 'reference' : deliveries[0];
}

/**
 * Chooses one cell of each workload for the A/A test. It is a cell of the first corpus, with the number of
 * workers nearest to two, and of the last strategy that scales. That cell uses threads or processes like the
 * other configurations, and no more cores than most machines have. A limit of the machine is only
 * chosen where there is nothing else.
 */
export function chooseTwins(cells: readonly Cell[]): Cell[] {
  const own = cells.filter(({ strategy }) => strategy.strategy.limit !== true);
  return twinsOf(own.length > 0 ? own : cells);
}

function twinsOf(cells: readonly Cell[]): Cell[] {
  return [...groupBy(cells, ({ workload }) => workload).values()].map((family) => {
    const ofFirst = family.filter(({ corpus }) => corpus === family[0]?.corpus);
    return ofFirst.reduce((best, cell) => {
      const nearer = Math.abs(cell.workers - 2) - Math.abs(best.workers - 2);
      return nearer < 0 || (nearer === 0 && cell.strategy.strategy.scales) ? cell : best;
    });
  });
}

/**
 * Returns the turns of one round in random order. The same seed and round give the same order, and each round
 * has another one.
 */
export function roundOrder<Turn>(
  turns: readonly Turn[],
  { seed, round }: { seed: number; round: number },
): Turn[] {
  const random = xoroshiro128plus((seed + Math.imul(round, 2654435761)) | 0);
  const order = [...turns];
  for (let i = order.length - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i);
    [order[i], order[j]] = [order[j] as Turn, order[i] as Turn];
  }
  return order;
}
