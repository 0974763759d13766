import { parseRate } from '../../arrivals/request.js';
import { UsageError } from '../../errors.js';
import { parseDuration } from '../../words/parse.js';

/** Documents arrive at this rate, and the choice must keep up with it. */
export interface Demand {
  /** The rate as it was asked for, such as `200/s`. */
  readonly asked: string;
  readonly perSecond: number;
  /** Longest p99 of the latency at that rate, ms; null: none was asked for. */
  readonly limitMs: number | null;
}

/** A shorter schedule has too few documents for a p99. */
const minScheduleMs = 5_000;
/** The 95 % interval of a p99 needs about this many documents in one schedule. */
const documentsWanted = 700;
/** Open loops get this share of the budget, and never less than the time in which two of them end. */
const openLoopShare = 0.4;
const minOpenLoopMs = 14_000;
/** A shorter budget leaves no time for the race. */
const minBudgetMs = 30_000;
/** A schedule is no longer than this share of the time for open loops, so that there are several. */
const scheduleShare = 1 / 6;

/**
 * Reads `--rate` of `pick` and `recommend`, and takes `--latency-p99` over: beside a rate it limits the open
 * loop.
 * @throws UsageError
 */
export function demandOf(rate: string, { latencyP99 }: { readonly latencyP99?: string }): Demand {
  const found = parseRate(rate);
  if (!('perSecond' in found))
    throw new UsageError(`--rate: expected documents per second, like 200/s, got "${rate}"`);
  return {
    asked: found.asked.trim(),
    perSecond: found.perSecond,
    limitMs: latencyP99 === undefined ? null : parseDuration(latencyP99, '--latency-p99'),
  };
}

/** The part of the budget that open loops get, ms. @throws UsageError if the budget is too short */
export function openLoopMs(budgetMs: number): number {
  if (budgetMs < minBudgetMs)
    throw new UsageError('pick --rate: expected a --time-budget of at least 30s; 2m give a good answer');
  return Math.max(minOpenLoopMs, openLoopShare * budgetMs);
}

/** How long documents arrive in one trial, ms. */
export function scheduleMs({ perSecond }: Demand, { budgetMs }: { readonly budgetMs: number }): number {
  const wantedMs = (1000 * documentsWanted) / perSecond;
  return Math.max(minScheduleMs, Math.min(wantedMs, scheduleShare * openLoopMs(budgetMs)));
}
