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
import { limitsUnder } from './limits.js';

/** One configuration that may be chosen: strategy × workers × delivery. */
export interface Arm {
  readonly cell: Cell;
  /**
   * Documents a second that it cannot exceed, by what one document costs alone: so many workers hold a document for its whole time
   * (Little's law), and so many cores compute. Good as far as a document costs no less in company than alone.
   */
  readonly bound: number;
}

/** What one document costs alone, by the oracle. */
export interface Grain {
  readonly taskMs: number;
  /** On all threads of the process. */
  readonly cpuMs: number;
  /** How long it keeps the thread that runs it from anything else. */
  readonly loopMs: number;
}

/** Of a trial while many arms are in the race, and of the finalists'. */
export const screening: Timing = { timeMs: 80, warmupMs: 60, warmupMostMs: 300 };
export const final: Timing = { timeMs: 250, warmupMs: 300, warmupMostMs: 800 };

export interface ArmOptions {
  readonly workload: PreparedWorkload;
  readonly corpus: PreparedCorpus;
  readonly strategies: readonly LoadedStrategy[];
  readonly grain: Grain;
  readonly cores: number;
  /** The least that may stand between a task and its caller. */
  readonly isolation: Isolation;
  /** For the whole process tree; null: no limit. */
  readonly maxMemoryBytes: number | null;
  /** What one block of all arms may take, milliseconds, as far as fewer documents can see to that; absent: what it takes. */
  readonly blockMs?: number;
}

/** Requests in flight on one thread that are worth trying; a server rarely has more places. */
const mostInFlight = 64;
/** By so much more than keeps the cores busy on average is worth trying, since waits come in clusters. */
const spare = 1.5;
/** A task that leaves its thread free for less than this, times its own time, gains nothing from others beside it. */
const leastInFlight = 1.2;
/** Threads or processes for each core that are worth their memory where work waits. */
const mostWaitingPerCore = 8;
/**
 * Until so many documents have been through every worker's hands, a rate says more of the begin and the end of a pass than of its middle.
 * Fewer where one takes so long that there is no time for more.
 */
const documentsPerWorker = [4, 2, 1] as const;
/** A pass is to take so long at least, as far as there are documents. */
const passMs = 200;
/** Different ones in a sample. */
export const mostDocuments = 1000;
/** With repetitions. Passes of a few milliseconds are mostly begin and end. */
const mostInPass = 10_000;

/**
 * All that may be chosen, and `sequential` as the baseline whatever is asked for. Work that computes never gets more workers than
 * cores; work that waits gets as many as keep the cores busy and some more, as far as they are worth it.
 */
export function armsOf(options: ArmOptions): Arm[] {
  const { cores, blockMs = Number.POSITIVE_INFINITY } = options;
  const takes = (arms: readonly Arm[]) =>
    arms.reduce((sum, { cell }) => sum + estimateTrialMs(cell, screening, cores), 0);
  const tries = documentsPerWorker.map((perWorker) => armsWith(options, perWorker));
  return (tries.find((arms) => takes(arms) <= blockMs) ?? tries.at(-1)) as Arm[];
}

function armsWith(
  { workload, corpus, strategies, grain, cores, isolation, maxMemoryBytes }: ArmOptions,
  perWorker: number,
): Arm[] {
  return strategies
    .filter(({ strategy }) => strategy.name === 'sequential' || isolates(strategy.isolation, isolation))
    .flatMap((loaded) => {
      const { strategy } = loaded;
      const counts = strategy.scales ? levels(strategy, { kind: workload.kind, grain, cores }) : [1];
      // Where documents mostly wait, how they travel is not what decides.
      const deliveries = workload.kind === 'cpu' ? strategy.deliveries : strategy.deliveries.slice(0, 1);
      return deliveries.flatMap((delivery) =>
        counts.flatMap((workers): Arm[] => {
          const limits = limitsUnder(maxMemoryBytes, { isolation: strategy.isolation, workers });
          if (limits === null) return []; // so many do not fit
          const bound = boundOf(strategy, workers, { grain, cores });
          const documents = timesOver(corpus.profile.documents, {
            wanted: documentsFor({ bound, workers, perWorker }),
            most: corpus.documents,
          });
          return [
            {
              bound,
              cell: {
                workload,
                corpus: firstOf(corpus, documents),
                strategy: loaded,
                workers,
                delivery,
                limits,
              },
            },
          ];
        }),
      );
    });
}

interface Terms {
  readonly grain: Grain;
  readonly cores: number;
}

/** Worker counts to try, by doubling up to the most that can help. */
export function levels(
  strategy: Pick<StrategyTraits, 'isolation'>,
  { kind, grain, cores }: Terms & { readonly kind: Kind },
): number[] {
  const whole = Math.max(1, Math.floor(cores));
  if (strategy.isolation === 'none') {
    const inFlight = grain.taskMs / Math.max(grain.loopMs, 1e-3);
    return inFlight < leastInFlight ? [1] : upTo(Math.min(mostInFlight, doubling(spare * inFlight)));
  }
  if (kind === 'cpu') return upTo(whole);
  const enough = (spare * whole * grain.taskMs) / Math.max(grain.cpuMs, 1e-3);
  return upTo(Math.max(whole, Math.min(doubling(enough), mostWaitingPerCore * whole)));
}

/** The next power of two: what is measured of a document differs a little each time, and the numbers to try should not. */
function doubling(most: number): number {
  return 2 ** Math.ceil(Math.log2(most));
}

/** 1, 2, 4, …, and the last whatever it is. */
function upTo(most: number): number[] {
  const doubled = Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, i) => 2 ** i);
  return doubled.at(-1) === most ? doubled : [...doubled, most];
}

function boundOf(
  { isolation }: Pick<StrategyTraits, 'isolation'>,
  workers: number,
  { grain, cores }: Terms,
): number {
  const { taskMs, cpuMs, loopMs } = grain;
  const thread = isolation === 'none' ? 1 / Math.max(loopMs, 1e-6) : Number.POSITIVE_INFINITY;
  return 1000 * Math.min(workers / Math.max(taskMs, 1e-6), cores / Math.max(cpuMs, 1e-6), thread);
}

/** Enough for a pass of some length, and for every worker to have had several. */
function documentsFor({
  bound,
  workers,
  perWorker,
}: {
  bound: number;
  workers: number;
  perWorker: number;
}): number {
  return Math.max(Math.ceil((bound * passMs) / 1000), perWorker * workers);
}

/**
 * As many as are wanted, each equally often: where sizes are skewed, a large one that comes three times while others come twice is another
 * corpus. Only where half of them would be too many it is a subset.
 * @param unique documents without repetitions
 */
export function timesOver(
  unique: number,
  { wanted, most }: { readonly wanted: number; readonly most: number },
): number {
  if (2 * wanted < unique) return wanted;
  return unique * Math.max(1, Math.min(Math.round(wanted / unique), Math.floor(most / unique)));
}

/** Documents of the whole corpus that a race over these arms needs at most. */
export function documentsWanted(
  strategies: readonly LoadedStrategy[],
  terms: Terms & { readonly kind: Kind },
): number {
  const wanted = strategies.flatMap(({ strategy }) =>
    (strategy.scales ? levels(strategy, terms) : [1]).map((workers) =>
      documentsFor({ bound: boundOf(strategy, workers, terms), workers, perWorker: documentsPerWorker[0] }),
    ),
  );
  return Math.min(mostInPass, Math.max(...wanted));
}

/** The first documents of a corpus as a corpus: nested subsets, of mixed sizes because the whole is shuffled. */
function firstOf(corpus: PreparedCorpus, documents: number): PreparedCorpus {
  const share = documents / corpus.documents;
  return { ...corpus, documents, bytes: corpus.bytes * share, sequentialMs: corpus.sequentialMs * share };
}
