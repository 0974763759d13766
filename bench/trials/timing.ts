import type { WarmupRecord } from '../tables/environment.js';
import type { Cell, PreparedCorpus } from './plan.js';

/** How long trials take: their warm-up in documents, and their expected duration. */

export interface Timing {
  /** Timed passes continue until they add up to this much time. */
  readonly timeMs: number;
  /** Time that every JavaScript engine that takes part spends on documents before the clock starts. */
  readonly warmupMs: number;
  /**
   * The warm-up ends after this long in any case, since documents that are cheap to process may be expensive
   * to deliver. Absent: no limit.
   */
  readonly maxWarmupMs?: number;
  /**
   * An engine gets as long a warm-up as its task needs, up to this long: `warmupMs` is too short for a task
   * that is slow to warm up. Absent: all tasks have `warmupMs`.
   */
  readonly slowWarmupMs?: number;
  /** True for short trials that only find out which configurations deserve longer ones. */
  readonly screening?: true;
  /**
   * True where calls of the task are counted: it is then called no more often than `callsOf` says, and a
   * warm-up is shorter. Absent: passes continue until the time is up.
   */
  readonly countsCalls?: boolean;
}

type WarmupTiming = Pick<Timing, 'warmupMs' | 'slowWarmupMs' | 'maxWarmupMs' | 'countsCalls'>;

/** Returns the warm-up of one engine, as work at the cost of warm code, ms. */
export function givenWarmupMs(
  { neededWarmupMs = 0 }: Pick<PreparedCorpus, 'neededWarmupMs'>,
  { warmupMs, slowWarmupMs = 0 }: Pick<Timing, 'warmupMs' | 'slowWarmupMs'>,
): number {
  return Math.max(warmupMs, Math.min(slowWarmupMs, neededWarmupMs));
}

/** Returns what `environment.json` records of a warm-up: nothing where the usual one is enough. */
export function warmupRecord(
  corpus: Pick<PreparedCorpus, 'neededWarmupMs'>,
  timing: Pick<Timing, 'warmupMs' | 'slowWarmupMs'>,
): { readonly warmup?: WarmupRecord } {
  const { neededWarmupMs: needed_ms = 0 } = corpus;
  if (needed_ms <= timing.warmupMs) return {};
  return { warmup: { needed_ms, given_ms: givenWarmupMs(corpus, timing) } };
}

/** Returns how long the warm-up may take; a long one takes longer in proportion. Undefined: no limit. */
export function longestWarmupMs({ corpus }: Pick<Cell, 'corpus'>, timing: WarmupTiming): number | undefined {
  const { warmupMs, maxWarmupMs } = timing;
  if (maxWarmupMs === undefined || warmupMs === 0) return maxWarmupMs;
  return (maxWarmupMs * givenWarmupMs(corpus, timing)) / warmupMs;
}

/**
 * Returns how many documents warm a session up. Each of its engines gets as many as the main thread's single
 * engine would, because each engine compiles for itself. (With the same time for all configurations, eight
 * workers would start cold and `sequential` warm.) An engine in which several documents wait gets more, so
 * that it computes as long as one in which none waits, as far as the longest warm-up allows.
 */
export function warmupDocuments(cell: Cell, timing: WarmupTiming): number {
  const { corpus, strategy, workers } = cell;
  const engines = strategy.strategy.isolation === 'none' ? 1 : workers;
  if (timing.warmupMs === 0) return 0;
  const engineMs = engineWarmupMs(cell, timing);
  const meanMs = corpus.sequentialMs / corpus.documents;
  if (corpus.costsMs === undefined) return engines * Math.max(1, Math.ceil(engineMs / meanMs));
  return Math.max(engines, documentsWorth(engines * engineMs, corpus.costsMs));
}

/** How long the documents of one engine's warm-up take if they run one after the other. */
function engineWarmupMs(
  { workload, corpus, strategy, workers, perWorker = 1 }: Cell,
  timing: WarmupTiming,
): number {
  const { sequentialMs, computingMs } = corpus;
  const warmupMs = givenWarmupMs(corpus, timing);
  const { maxWarmupMs = warmupMs, countsCalls = false } = timing;
  const places = strategy.strategy.isolation === 'none' ? workers : perWorker;
  if (workload.kind === 'cpu' || places === 1 || computingMs === undefined || countsCalls) return warmupMs;
  return Math.min(maxWarmupMs * places, (warmupMs * sequentialMs) / Math.max(computingMs, 1e-6));
}

/**
 * Returns how many documents take this long alone, counted from the first one. The corpus is repeated if it
 * is too short.
 */
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

/** Returns what this many documents cost alone, counted from the first one of the repeated corpus, ms. */
export function costOfFirst(
  count: number,
  { documents, sequentialMs, costsMs }: Pick<PreparedCorpus, 'documents' | 'sequentialMs' | 'costsMs'>,
): number {
  if (costsMs === undefined) return (count * sequentialMs) / documents;
  const sum = (costs: readonly number[]) => costs.reduce((total, cost) => total + cost, 0);
  return Math.floor(count / costsMs.length) * sum(costsMs) + sum(costsMs.slice(0, count % costsMs.length));
}

/**
 * A long warm-up takes about this factor of the time that its documents take afterwards: 2.1 with two engines
 * on two cores, and 1.15 with one, for a task that parses TypeScript.
 */
const coldFactor = 2;

/**
 * Returns the expected duration of a trial, milliseconds. It consists of starting a process with its
 * libraries and corpus, opening and closing the workers (a process takes twice as long as a thread), a
 * warm-up, and passes until the time is up, the last of which overshoots by half on average. The constants
 * were measured on two cores, and the estimate is good to a quarter.
 */
export function estimateTrialMs(cell: Cell, timing: Timing, cores: number): number {
  const { timeMs } = timing;
  const { corpus, strategy, workers } = cell;
  const { isolation } = strategy.strategy;
  const open = isolation === 'none' ? 5 : workers * (isolation === 'process' ? 45 : 20);
  const passMs = estimatePassMs(cell, cores);
  const documentMs = passMs / corpus.documents;
  const isSlow = givenWarmupMs(corpus, timing) > timing.warmupMs;
  const warmup = Math.min(
    warmupDocuments(cell, timing) * documentMs * (isSlow ? coldFactor : 1),
    longestWarmupMs(cell, timing) ?? Number.POSITIVE_INFINITY,
  );
  return 170 + open + warmup + passMs * Math.max(1, timeMs / Math.max(passMs, 1) + 0.5);
}

/** Returns the expected duration of one pass, milliseconds. */
export function estimatePassMs(cell: Cell, cores: number): number {
  const { workload, corpus, strategy, workers, perWorker = 1 } = cell;
  const { isolation } = strategy.strategy;
  const waiting = workers * perWorker;
  const parallel = workload.kind !== 'cpu' ? waiting : isolation === 'none' ? 1 : Math.min(workers, cores);
  return Math.max(corpus.sequentialMs / parallel, (corpus.computingMs ?? 0) / cores);
}
