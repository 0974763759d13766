import { bestConfiguration } from './analyse.js';
import type { OverheadTrial } from './columns.js';
import type { Arm } from './measure.js';
import type { Configuration, Series } from './series.js';

/** What the dispatch benchmark measures, in which configurations. */
export interface OverheadPlan {
  readonly series: readonly Series[];
  /** Bytes a document. */
  readonly sizes: readonly number[];
  readonly workers: readonly number[];
}

/** Configurations compete at this number of workers, and METG is told of it. */
const sweepWorkers = 2;
/** METG is told of documents of this size. */
export const metgBytes = 10_000;
/** One step of the kernel on a core of about 3 GHz, microseconds: only the range of a sweep depends on it. */
const stepUs = 0.0015;

/** One trial: the task that does nothing, or tasks of several lengths. */
export interface Turn {
  readonly arm: Arm;
  readonly steps: readonly number[];
}

/** Every configuration at every size: the first phase, which chooses. */
export function configurationArms({ series, sizes }: OverheadPlan): Arm[] {
  return allSizes(sizes).flatMap((documentBytes) =>
    series.flatMap((one) =>
      one.configurations.map(
        (configuration): Arm => ({ series: one, configuration, workers: workersOf(one), documentBytes }),
      ),
    ),
  );
}

/** One round of the second phase: every strategy at its best configuration for each size. What could not be measured is left out. */
export function turnsOf({ series, sizes, workers }: OverheadPlan, swept: readonly OverheadTrial[]): Turn[] {
  return series.flatMap((one): Turn[] => {
    const best = new Map(allSizes(sizes).map((bytes) => [bytes, bestOf(one, bytes, swept)]));
    const dispatch = sizes.flatMap((documentBytes) => {
      const configuration = configurationOf(best.get(documentBytes));
      const counts = one.loaded.strategy.scales ? workers : [1];
      return configuration === null
        ? []
        : counts.map((count) => ({
            arm: { series: one, configuration, workers: count, documentBytes },
            steps: [0],
          }));
    });
    const atMetg = best.get(metgBytes);
    const configuration = configurationOf(atMetg);
    if (configuration === null) return dispatch;
    const arm: Arm = { series: one, configuration, workers: workersOf(one), documentBytes: metgBytes };
    return [...dispatch, { arm, steps: sweepSteps(atMetg?.overhead_us as number) }];
  });
}

/** Tasks from a quarter of the overhead to 32 times as long, by powers of two: efficiency passes 50 and 80 % in between. */
function sweepSteps(overheadUs: number): number[] {
  const middle = Math.max(6, Math.round(Math.log2(overheadUs / stepUs)));
  return [-2, -1, 0, 1, 2, 3, 4, 5].map((power) => 2 ** (middle + power));
}

function bestOf({ name }: Series, bytes: number, swept: readonly OverheadTrial[]): OverheadTrial | null {
  return bestConfiguration(
    swept.filter(({ strategy, document_bytes }) => strategy === name && document_bytes === bytes),
  );
}

function configurationOf(trial: OverheadTrial | null | undefined): Configuration | null {
  return trial ? { delivery: trial.delivery as Configuration['delivery'], inFlight: trial.in_flight } : null;
}

function workersOf({ loaded }: Series): number {
  return loaded.strategy.scales ? sweepWorkers : 1;
}

function allSizes(sizes: readonly number[]): number[] {
  return [...new Set([...sizes, metgBytes])];
}
