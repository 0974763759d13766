import type { ArrivalTrialOptions } from '../../arrivals/arrival-trial.js';
import type { ArrivalRow } from '../../tables/arrival-columns.js';
import type { RatedSummary } from '../../tables/summary-columns.js';
import type { Cell } from '../../trials/plan.js';
import { configurationName } from '../../verdict/configurations.js';
import { type Configuration, nameOf } from '../configurations.js';
import type { Demand } from './demand.js';
import { nextTrial } from './next-trial.js';

export interface MeasureOptions {
  /** Configurations that keep all other constraints. */
  readonly cells: readonly RatedSummary[];
  /** The same configurations, and others, as the race measured them. */
  readonly configurations: readonly Configuration[];
  /** All configurations get the same documents in open loops. */
  readonly corpus: Cell['corpus'];
  readonly demand: Demand;
  /** How long documents arrive in one trial, ms. */
  readonly scheduleMs: number;
  /** Milliseconds on `clock` at which the open loops must be over. */
  readonly untilMs: number;
  readonly clock: () => number;
  readonly seed: number;
  readonly measure: (
    cell: Cell,
    options: Omit<ArrivalTrialOptions, 'suite' | 'runId'>,
  ) => Promise<ArrivalRow>;
  readonly keep: (row: ArrivalRow) => void;
  readonly signal: AbortSignal;
}

/** A trial is expected to take this much longer than its schedule: start, warm-up and end, ms. */
const usualExtraMs = 2_500;
/** A trial that takes this much longer than its schedule is ended and has failed: it cannot keep up. */
const patienceMs = 10_000;

/** Measures open loops of the configurations that may serve a demand, until the time is over. */
export async function measureOpenLoops(options: MeasureOptions): Promise<ArrivalRow[]> {
  const { cells, configurations, demand, scheduleMs, untilMs, clock, seed, signal } = options;
  const rows: ArrivalRow[] = [];
  const fitting = Math.floor((untilMs - clock()) / (scheduleMs + usualExtraMs));
  // The other half is for further schedules.
  const tried = Math.max(1, Math.floor(fitting / 2));
  let longestMs = scheduleMs + usualExtraMs;
  while (!signal.aborted && (rows.length === 0 || clock() + longestMs <= untilMs)) {
    const next = nextTrial({ cells, rows, demand, tried });
    const configuration =
      next === null ? undefined : configurations.find((one) => nameOf(one) === configurationName(next.cell));
    if (next === null || configuration === undefined) break;
    const { perSecond: rate, asked, round } = next;
    const startedMs = clock();
    const row = await options.measure(
      { ...configuration.cell, corpus: options.corpus },
      {
        round,
        order: rows.length + 1,
        offered: {
          pattern: 'poisson',
          rate,
          documents: Math.max(1, Math.round((rate * scheduleMs) / 1000)),
          seed: seed * 1000 + 700 + round,
          asked,
          capacity: null,
        },
        accept: null,
        limitMs: demand.limitMs,
        timeoutMs: 2 * scheduleMs + patienceMs,
      },
    );
    // A trial that was interrupted from the keyboard says nothing about its strategy.
    if (row.status === 'failed' && signal.aborted) break;
    rows.push(row);
    options.keep(row);
    longestMs = Math.max(rows.length === 1 ? 0 : longestMs, clock() - startedMs);
  }
  return rows;
}
