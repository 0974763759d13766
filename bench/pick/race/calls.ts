import { callsOf } from '../../measure/calls.js';
import type { Configuration } from '../configurations.js';
import { maxFinalBlocks, maxScreeningBlocks } from './race.js';
import type { RaceTiming } from './timings.js';

/**
 * Returns how often a race calls the task: at least, with one trial of each of two configurations, and at
 * most. The time usually ends a race long before that.
 */
export function raceCallsOf(
  configurations: readonly Configuration[],
  { timing, cores }: { readonly timing: RaceTiming; readonly cores: number },
): { readonly least: number; readonly most: number } {
  const callsIn = (round: number, one: RaceTiming['final']) =>
    configurations.map(({ cell }) => callsOf(cell, one, { cores, round })).sort((a, b) => a - b);
  const sum = (calls: readonly number[]) => calls.reduce((all, each) => all + each, 0);
  const first = callsIn(1, timing.screening);
  const screening = sum(first) + (maxScreeningBlocks - 1) * sum(callsIn(2, timing.screening));
  const finalists = callsIn(2, timing.final).slice(-maxFinalists);
  return { least: sum(first.slice(0, 2)), most: screening + maxFinalBlocks * sum(finalists) };
}

/** The baseline is measured beside the finalists. */
const maxFinalists = 6;
