import { optimal } from '../../control/allotment.js';
import type { Configuration } from '../../strategies/strategy.js';
import type { Kind } from '../../workloads/workload.js';
import type { StageRecord } from '../tables/environment.js';

/** Decides how many workers each stage gets where a strategy gives stages workers of their own. */

/** Says what a stage costs alone, over the documents of a corpus. */
export interface StageCost {
  readonly name: string;
  /** The kind that the stage declares, or the measured one. */
  readonly kind: Kind;
  /** One value takes this long, ms. */
  readonly serviceMs: number;
  /** This many values reach the stage per document. */
  readonly ratio: number;
}

/** Returns what `environment.json` records of stages: nothing where there are none. */
export function stagesRecord(stages: readonly StageCost[] | undefined): {
  readonly stages?: readonly StageRecord[];
} {
  if (stages === undefined) return {};
  return {
    stages: stages.map(({ name, kind, serviceMs, ratio }) => ({ name, kind, service_ms: serviceMs, ratio })),
  };
}

/** Reads what `stagesRecord` has written. */
export function stagesFrom(record: readonly StageRecord[]): StageCost[] {
  return record.map(({ name, kind, service_ms: serviceMs, ratio }) => ({ name, kind, serviceMs, ratio }));
}

/** Each stage gets a number of workers, and `workers` is their sum. */
export interface Split {
  readonly workers: number;
  readonly configuration: Configuration;
}

/**
 * Splits each of these numbers of workers over the stages, so that the slowest stage is as fast as it can be.
 * Each stage gets at least one. A stage that computes gets no more than there are cores. Numbers that give
 * the same split are tried once.
 * @param fixed the user's own split, which is then the only one
 */
export function splitsOf(
  stages: readonly StageCost[],
  workers: readonly number[],
  { fixed, cores }: { readonly fixed: Configuration | null; readonly cores: number },
): Split[] {
  if (fixed !== null)
    return [
      splitOf(
        stages,
        stages.map(({ name }) => fixed[name] as number),
      ),
    ];
  const splits = new Map<number, Split>();
  for (const count of workers) {
    const loads = stages.map(({ kind, serviceMs, ratio }) => ({
      serviceMs,
      ratio,
      ...(kind === 'cpu' && { capacity: Math.max(1, Math.ceil(cores)) }),
    }));
    const split = splitOf(stages, optimal(loads, Math.max(count, stages.length)));
    splits.set(split.workers, split);
  }
  return [...splits.values()];
}

function splitOf(stages: readonly StageCost[], counts: readonly number[]): Split {
  return {
    workers: counts.reduce((sum, count) => sum + count, 0),
    configuration: Object.fromEntries(stages.map(({ name }, i) => [name, counts[i] as number])),
  };
}

/** True where all stages compute. Workers of their own then gain nothing over running one after the other. */
export function onlyCompute(stages: readonly Pick<StageCost, 'kind'>[]): boolean {
  return stages.every(({ kind }) => kind === 'cpu');
}
