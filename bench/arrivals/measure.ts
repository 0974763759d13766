import type { Offered } from './arrival-trial.js';
import { type Family, familiesOf, isOf } from './families.js';
import { searchLimits, usualSearchMs } from './limits.js';
import type { ArrivalOptions } from './options.js';
import type { ArrivalRequest } from './request.js';

/** The open loops of a run: every strategy at every rate, and the search for the highest rate. */

/** Each rate is measured with this many schedules; every strategy meets the same ones. */
const arrivalRounds = 3;

/** @returns false if the signal ended it */
export async function measureArrivals(options: ArrivalOptions): Promise<boolean> {
  const { request, cells, trials } = options;
  for (const family of familiesOf(cells, trials)) {
    if (request.rates.length > 0 && !(await atRates(family, options))) return false;
    if (request.slo !== null && !(await searchLimits(family, { ...options, slo: request.slo }))) return false;
  }
  return true;
}

/** How many open-loop trials and searches a run has, and about how long they take, ms. */
export function estimateArrivals(
  request: ArrivalRequest,
  { families, strategies }: { readonly families: number; readonly strategies: number },
): { readonly trials: number; readonly searches: number; readonly ms: number } {
  const perTrialMs = 1_500;
  const trials = families * strategies * request.rates.length * arrivalRounds;
  const searches = request.slo === null ? 0 : families * strategies;
  return { trials, searches, ms: trials * (request.timeMs + perTrialMs) + searches * usualSearchMs };
}

async function atRates(family: Family, options: ArrivalOptions): Promise<boolean> {
  const { request, seed, finished, signal } = options;
  for (let round = 1; round <= arrivalRounds; round++) {
    let order = 0;
    for (const rate of request.rates) {
      const perSecond = 'share' in rate ? rate.share * family.capacity : rate.perSecond;
      const offered: Offered = {
        pattern: request.pattern,
        rate: perSecond,
        documents: Math.max(1, Math.round((perSecond * request.timeMs) / 1000)),
        seed: seed * 1000 + round,
        asked: rate.asked,
        capacity: 'share' in rate ? family.capacity : null,
      };
      for (const cell of family.cells) {
        order++;
        if (signal.aborted) return false;
        if (finished.some((row) => row.round === round && row.asked === rate.asked && isOf(row, cell)))
          continue;
        const place = { round, order, offered, limitMs: request.slo?.ms ?? null, accept: request.accept };
        const row = await options.measure(cell, place);
        options.keep(row);
        if (row.status === 'void' && !signal.aborted) options.keep(await options.measure(cell, place));
      }
    }
  }
  return true;
}
