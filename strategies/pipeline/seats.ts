import { optimal } from '../../control/allotment.js';
import type { Configuration } from '../strategy.js';
import type { StageDescription } from './protocol.js';

/** One worker serves the stages with these numbers. */
export type Seat = readonly number[];

/**
 * Returns how many workers each stage has at first: as the configuration says, or else one each and the
 * rest in turn. Null where there are fewer workers than stages: every worker then serves all stages.
 * @throws RangeError when the configuration names other stages, or its numbers are not as many as the workers
 */
export function firstAllotment(
  stages: readonly StageDescription[],
  workers: number,
  configuration: Configuration = {},
): readonly number[] | null {
  const names = stages.map(({ name }) => name);
  const given = Object.keys(configuration);
  if (given.length > 0) return fixedAllotment(names, workers, configuration);
  if (workers < stages.length) return null;
  return optimal(
    stages.map(() => ({ serviceMs: 1, ratio: 1 })),
    workers,
  );
}

function fixedAllotment(
  names: readonly string[],
  workers: number,
  configuration: Configuration,
): readonly number[] {
  const unknown = Object.keys(configuration).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new RangeError(`the task has no stage "${unknown}"; its stages are ${names.join(', ')}`);
  const fixed = names.map((name) => {
    const count = configuration[name];
    if (count !== undefined && Number.isInteger(count) && count >= 1) return count;
    throw new RangeError(`expected at least one worker for the stage "${name}", got ${count ?? 'none'}`);
  });
  const total = fixed.reduce((sum, count) => sum + count, 0);
  if (total === workers) return fixed;
  throw new RangeError(
    `expected the workers of the stages to be ${workers} together, got ${total}; ` +
      `give ${total} workers, or other numbers for ${names.join(', ')}`,
  );
}

/** Gives each worker its stages. */
export function seatsOf(
  stages: readonly StageDescription[],
  workers: number,
  allotment: readonly number[] | null,
): Seat[] {
  if (allotment === null) return Array.from({ length: workers }, () => stages.map((_, number) => number));
  return allotment.flatMap((count, number) => Array.from({ length: count }, () => [number]));
}

/** A worker is a process where one of its stages asks for it. */
export function isProcess(stages: readonly StageDescription[], seat: Seat): boolean {
  return seat.some((number) => stages[number]?.isolation === 'process');
}
