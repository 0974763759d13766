import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Delivery, StrategyTraits } from '../../strategies/strategy.js';
import type { SizeProfile } from '../../workloads/documents.js';
import type { Kind, WorkloadRef } from '../../workloads/workload.js';
import { groupBy } from '../stats/group-by.js';
import type { CorpusFile } from './corpus-file.js';

/** A corpus that is ready for trials of one workload: written down, and run once by the oracle. */
export interface PreparedCorpus {
  readonly name: string;
  readonly file: CorpusFile;
  readonly hash: string;
  readonly profile: SizeProfile;
  readonly documents: number;
  readonly bytes: number;
  /** What one document after the other takes, by the oracle. */
  readonly sequentialMs: number;
  /**
   * What each document takes alone, by the oracle, in corpus order; documents beyond the list repeat it. Absent if only
   * the sum was kept.
   */
  readonly costsMs?: readonly number[];
  /**
   * Mean cost of these documents ÷ mean cost of the whole sample. It makes rates comparable if configurations run
   * different parts of a sample; absent if all of them run the same documents.
   */
  readonly costRatio?: number;
}

export interface PreparedWorkload {
  readonly ref: WorkloadRef;
  readonly kind: Kind;
  readonly corpora: readonly PreparedCorpus[];
}

export interface LoadedStrategy {
  readonly url: string;
  readonly strategy: StrategyTraits;
}

/** The strategy that all others are compared with. */
export function baselineOf(loaded: readonly LoadedStrategy[]): LoadedStrategy {
  const baseline = loaded.find(({ strategy }) => strategy.baseline);
  if (baseline === undefined) throw new Error('expected a baseline in the list of strategies, found none');
  return baseline;
}

/**
 * Whether a strategy is measured although the user did not name it. No strategy says yet what it needs of a workload, so
 * one that is measured "when it applies" has to be named too.
 */
export function isMeasuredByDefault({ strategy }: LoadedStrategy): boolean {
  return strategy.measured === 'always';
}

/** What a trial measures: workload × corpus × strategy × workers × delivery. */
export interface Cell {
  readonly workload: PreparedWorkload;
  readonly corpus: PreparedCorpus;
  readonly strategy: LoadedStrategy;
  readonly workers: number;
  readonly delivery: Delivery;
  /** Of each worker, MB; absent: the strategy's own. */
  readonly limits?: { readonly heapMb?: number; readonly memoryMb?: number };
}

export interface PlanOptions {
  readonly workloads: readonly PreparedWorkload[];
  readonly strategies: readonly LoadedStrategy[];
  readonly workers: readonly number[];
  /** What the user has asked for, if anything. */
  readonly deliveries?: readonly Delivery[];
}

/** A strategy with the deliveries and the numbers of workers that it is measured with. */
export interface PlannedStrategy {
  readonly loaded: LoadedStrategy;
  readonly deliveries: readonly Delivery[];
  readonly workers: readonly number[];
}

/**
 * A strategy that does not scale is measured once. A strategy that has none of the deliveries is measured with its
 * default.
 */
export function plannedStrategies(
  strategies: readonly LoadedStrategy[],
  { workers, deliveries = [] }: Pick<PlanOptions, 'workers' | 'deliveries'>,
): PlannedStrategy[] {
  return strategies.map((loaded) => ({
    loaded,
    deliveries: deliveriesOf(loaded.strategy, deliveries),
    workers: loaded.strategy.scales ? workers : [1],
  }));
}

/** Every combination of a workload's corpus with a strategy's deliveries and workers. */
export function cellsOf(workloads: readonly PreparedWorkload[], planned: readonly PlannedStrategy[]): Cell[] {
  return workloads.flatMap((workload) =>
    workload.corpora.flatMap((corpus) =>
      planned.flatMap(({ loaded, deliveries, workers }) =>
        deliveries.flatMap((delivery) =>
          workers.map((count): Cell => ({ workload, corpus, strategy: loaded, workers: count, delivery })),
        ),
      ),
    ),
  );
}

export function planCells({ workloads, strategies, ...options }: PlanOptions): Cell[] {
  return cellsOf(workloads, plannedStrategies(strategies, options));
}

function deliveriesOf(strategy: StrategyTraits, asked: readonly Delivery[]): readonly Delivery[] {
  const both = strategy.deliveries.filter((delivery) => asked.includes(delivery));
  return both.length > 0 ? both : [strategy.deliveries[0]];
}

/**
 * One cell of each workload for the A/A test: of its first corpus, the last strategy that scales, at the worker count
 * nearest two. It uses threads or processes as the contenders do, and no more cores than most machines have.
 */
export function chooseTwins(cells: readonly Cell[]): Cell[] {
  return [...groupBy(cells, ({ workload }) => workload).values()].map((family) => {
    const ofFirst = family.filter(({ corpus }) => corpus === family[0]?.corpus);
    return ofFirst.reduce((best, cell) => {
      const nearer = Math.abs(cell.workers - 2) - Math.abs(best.workers - 2);
      return nearer < 0 || (nearer === 0 && cell.strategy.strategy.scales) ? cell : best;
    });
  });
}

/** The turns of one round in random order: the same for the same seed and round, another in every round. */
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

export interface Timing {
  /** Timed passes go on until this much has been measured. */
  readonly timeMs: number;
  /** Of work for every JavaScript engine that takes part, before the clock starts. */
  readonly warmupMs: number;
  /** After so long it ends all the same: what is cheap to do may be dear to pass on. Absent: it takes what it takes. */
  readonly maxWarmupMs?: number;
}

/**
 * How many documents warm a session up: as many for each of its engines as the main thread's one gets, since each
 * compiles for itself. (With the same time for all, eight workers would start cold and `sequential` warm.)
 */
export function warmupDocuments(
  { corpus, strategy, workers }: Cell,
  { warmupMs }: Pick<Timing, 'warmupMs'>,
): number {
  const engines = strategy.strategy.isolation === 'none' ? 1 : workers;
  if (warmupMs === 0) return 0;
  const meanMs = corpus.sequentialMs / corpus.documents;
  if (corpus.costsMs === undefined) return engines * Math.max(1, Math.ceil(warmupMs / meanMs));
  return Math.max(engines, documentsWorth(engines * warmupMs, corpus.costsMs));
}

/** How many documents from the first on, again and again if need be, take this long alone. */
function documentsWorth(ms: number, costsMs: readonly number[]): number {
  const cycleMs = costsMs.reduce((sum, cost) => sum + cost, 0);
  const cycles = Math.floor(ms / Math.max(cycleMs, 1e-3));
  let left = ms - cycles * cycleMs;
  let count = cycles * costsMs.length;
  for (let i = 0; left > 0 && i < costsMs.length; i++) {
    left -= costsMs[i] as number;
    count++;
  }
  return count;
}

/**
 * What a trial is expected to take, milliseconds: a process with its libraries and corpus, opening and closing the
 * workers (a process takes twice a thread), a warm-up, and passes until the time is up, the last of which overshoots
 * by half on average. From measurements on two cores; good to a quarter.
 */
export function estimateTrialMs(cell: Cell, timing: Timing, cores: number): number {
  const { timeMs, maxWarmupMs = Number.POSITIVE_INFINITY } = timing;
  const { workload, corpus, strategy, workers } = cell;
  const { isolation } = strategy.strategy;
  const open = isolation === 'none' ? 5 : workers * (isolation === 'process' ? 45 : 20);
  const parallel = workload.kind !== 'cpu' ? workers : isolation === 'none' ? 1 : Math.min(workers, cores);
  const passMs = corpus.sequentialMs / parallel;
  const documentMs = passMs / corpus.documents;
  const warmup = Math.min(warmupDocuments(cell, timing) * documentMs, maxWarmupMs);
  return 170 + open + warmup + passMs * Math.max(1, timeMs / Math.max(passMs, 1) + 0.5);
}
