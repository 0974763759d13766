import { deliveryOf } from '../tables/trial-columns.js';
import { bestConfiguration } from './analyse.js';
import type { OverheadTrial } from './columns.js';
import type { OverheadCell } from './measure.js';
import type { Dispatch, Series } from './series.js';

/** The strategies, document sizes and worker counts that the dispatch benchmark measures. */
export interface OverheadPlan {
  readonly series: readonly Series[];
  /** The sizes of documents to measure, bytes. */
  readonly sizes: readonly number[];
  readonly workers: readonly number[];
}

/** The ways to dispatch compete at this number of workers, and METG is measured with it. */
const sweepWorkers = 2;
/** METG is measured with documents of this size. */
export const metgBytes = 10_000;
/**
 * One step of the kernel takes this long on a core of about 3 GHz, microseconds; only the range of a sweep
 * depends on it.
 */
const stepUs = 0.0015;

/** One trial measures the task that does nothing, or tasks of several lengths. */
export interface Turn {
  readonly cell: OverheadCell;
  readonly steps: readonly number[];
}

/** The first phase measures every way to dispatch at every size, to find the best of each strategy. */
export function sweepCells({ series, sizes }: OverheadPlan): OverheadCell[] {
  return series.flatMap((one) =>
    (one.line === 'sessions' ? allSizes(sizes) : sizes).flatMap((documentBytes) =>
      one.dispatches.map(
        (dispatch): OverheadCell => ({ series: one, dispatch, workers: workersOf(one), documentBytes }),
      ),
    ),
  );
}

/**
 * One round of the second phase measures every strategy at its best way to dispatch for each size, and METG
 * of sessions, whose documents have the length of the task in their bytes. A
 * strategy that could not be measured in the first phase is left out.
 */
export function turnsOf({ series, sizes, workers }: OverheadPlan, swept: readonly OverheadTrial[]): Turn[] {
  return series.flatMap((one): Turn[] => {
    const best = new Map(allSizes(sizes).map((bytes) => [bytes, bestOf(one, bytes, swept)]));
    const turns = sizes.flatMap((documentBytes) => {
      const dispatch = dispatchOf(best.get(documentBytes));
      const counts = one.loaded.strategy.scales ? workers : [1];
      return dispatch === null
        ? []
        : counts.map((count) => ({
            cell: { series: one, dispatch, workers: count, documentBytes },
            steps: [0],
          }));
    });
    if (one.line !== 'sessions') return turns;
    const atMetg = best.get(metgBytes);
    const dispatch = dispatchOf(atMetg);
    if (dispatch === null || atMetg?.overhead_us == null) return turns;
    const cell = { series: one, dispatch, workers: workersOf(one), documentBytes: metgBytes };
    return [...turns, { cell, steps: sweepSteps(atMetg.overhead_us) }];
  });
}

/**
 * Task lengths from a quarter of the overhead to 32 times it, by powers of two: efficiency passes 50 and 80
 * % in between.
 */
function sweepSteps(overheadUs: number): number[] {
  const middle = Math.max(6, Math.round(Math.log2(overheadUs / stepUs)));
  return [-2, -1, 0, 1, 2, 3, 4, 5].map((power) => 2 ** (middle + power));
}

function bestOf({ name }: Series, bytes: number, swept: readonly OverheadTrial[]): OverheadTrial | null {
  return bestConfiguration(
    swept.filter(({ strategy, document_bytes }) => strategy === name && document_bytes === bytes),
  );
}

function dispatchOf(trial: OverheadTrial | null | undefined): Dispatch | null {
  return trial ? { delivery: deliveryOf(trial), inFlight: trial.in_flight } : null;
}

function workersOf({ loaded }: Series): number {
  return loaded.strategy.scales ? sweepWorkers : 1;
}

function allSizes(sizes: readonly number[]): number[] {
  return [...new Set([...sizes, metgBytes])];
}
