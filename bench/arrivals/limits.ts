import type { SloRow } from '../tables/slo-columns.js';
import type { Cell } from '../trials/plan.js';
import { cellNames } from '../trials/trial.js';
import type { Offered } from './arrival-trial.js';
import { minDocuments } from './early-stopping.js';
import { type Family, isOf } from './families.js';
import type { ArrivalOptions } from './options.js';
import type { LatencyLimit } from './request.js';
import { maxProbes, type ProbeSchedule, searchRate } from './search.js';
import { typicalSeed } from './typical-schedule.js';

/** The searches of a run for the highest rate that keeps a limit: one per strategy. */

export interface LimitOptions extends ArrivalOptions {
  readonly slo: LatencyLimit;
}

/** Length of one probe, ms. With its start-up and warm-up it takes about 15 s. */
const probeMs = 13_500;
/** A disturbed probe is measured again only as long as the whole search stays within this time, ms. */
const maxSearchMs = 180_000;
export const usualSearchMs = maxProbes * 15_000;

/** @returns false if the signal ended it */
export async function searchLimits(family: Family, options: LimitOptions): Promise<boolean> {
  const { slo, signal, finishedSearches } = options;
  for (const cell of family.cells) {
    if (signal.aborted) return false;
    if (finishedSearches.some((row) => row.limit === slo.text && isOf(row, cell))) continue;
    try {
      options.keepSearch(await searchLimit(cell, { ...options, capacity: family.rateOf(cell) }));
    } catch (cause) {
      if (signal.aborted) return false;
      options.say(
        `${cell.strategy.strategy.name} × ${cell.workers}: the search failed: ${(cause as Error).message}`,
      );
    }
  }
  return true;
}

/** Searches the highest rate of one configuration. @throws if a probe fails, or the signal ends it */
export async function searchLimit(
  cell: Cell,
  { capacity, ...options }: Omit<LimitOptions, 'trials' | 'cells'> & { readonly capacity: number },
): Promise<SloRow> {
  const { slo, request, signal, seed, runId } = options;
  const startedMs = performance.now();
  const fewest = fewestDocuments(slo);
  const documentsAt = (rate: number) => Math.max(fewest, Math.round((rate * probeMs) / 1000));
  let probes = 0;
  let measured = 0;
  let voids = 0;
  const hasTimeForAnother = () => {
    const usedMs = performance.now() - startedMs;
    return usedMs + (maxProbes - probes + 1) * (usedMs / measured) <= maxSearchMs;
  };
  const probe = async (rate: number, number: number, schedule: ProbeSchedule) => {
    const documents = documentsAt(rate);
    const any = { pattern: request.pattern, rate, documents, seed: seed * 1000 + 500 + number };
    const plant = { quantile: slo.quantile, capacity, workers: cell.workers };
    const offered: Offered = {
      ...any,
      seed: schedule === 'any' ? any.seed : typicalSeed({ ...any, ...plant }),
      asked: slo.text,
      capacity: null,
    };
    probes++;
    for (;;) {
      signal.throwIfAborted();
      const place = { round: 0, order: ++measured, offered, limitMs: slo.ms, accept: request.accept };
      const row = await options.measure(cell, place);
      options.keep(row);
      if (row.status === 'failed') throw new Error(row.reason);
      if (row.status === 'void' && hasTimeForAnother()) continue;
      if (row.status === 'void') voids++;
      return { rate, documents, misses: documents - (row.outcomes_in_time ?? 0) };
    }
  };
  const found = await searchRate({ quantile: slo.quantile, capacity, documentsAt, probe });
  const hasKnee =
    found.broken !== null &&
    found.probes.some(({ misses, documents }) => misses <= documents * (1 - slo.quantile));
  return {
    run_id: runId,
    ...cellNames(cell),
    pattern: request.pattern,
    limit: slo.text,
    closed_loop_per_second: capacity,
    knee_per_second: hasKnee ? found.knee : null,
    knee_low: hasKnee ? found.low : null,
    knee_high: hasKnee ? found.high : null,
    confirmed_per_second: found.confirmed,
    broken_per_second: found.broken,
    probes: found.probes.length,
    void_probes: voids,
    seconds: (performance.now() - startedMs) / 1000,
  };
}

/**
 * A probe has at least half of the documents that would confirm the limit in spite of two misses: 419 for a
 * p99, and 4,202 for a p99.9, whatever the rate. Quantiles below p95 get 100.
 */
function fewestDocuments({ quantile }: LatencyLimit): number {
  return Math.max(100, Math.ceil(minDocuments({ misses: 2, quantile, confidence: 0.99 }) / 2));
}
