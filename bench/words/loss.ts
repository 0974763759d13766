import { percent } from './units.js';

/** A loss of more than half of the rate is no bound to go by. */
const maxBound = 0.5;

/** Tells whether a regret bound says how much a choice may cost: trials that differ much give a wide one. */
export function isUsefulBound(bound: number): boolean {
  return bound <= maxBound;
}

/** Formats a regret bound for a table. */
export function boundText(bound: number | null): string {
  return bound === null || !isUsefulBound(bound) ? 'unknown' : percent(bound);
}
