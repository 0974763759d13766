import { predictedRate } from '../../control/allotment.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import { mean } from '../stats/estimate.js';
import type { Cell, LoadedStrategy, PreparedCorpus } from '../trials/plan.js';
import { estimateTrialMs } from '../trials/timing.js';
import { configurationName } from '../verdict/configurations.js';
import { shortNamer } from '../words/configuration.js';
import { type Axes, axesOf, type ConfigurationOptions, type Machine, workerCounts } from './axes.js';
import {
  documentsForPass,
  documentsPerWorker,
  maxDocumentsInPass,
  perWorkerInPass,
  timesOver,
} from './pass-size.js';
import { type DocumentCost, type SplitsOptions, splitsToTry } from './per-worker.js';
import { screening } from './race/timings.js';

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
  // Fewer documents make passes shorter, and the warm-up stays as long as it is.
  const timing = { ...screening, warmupMs: 0 };
  const blockTakes = (configurations: readonly Configuration[]) =>
    configurations.reduce((sum, { cell }) => sum + estimateTrialMs(cell, timing, cores), 0);
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
