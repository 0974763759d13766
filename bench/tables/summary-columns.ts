import { cellColumns } from './cell.js';
import { type Row, table, together } from './table.js';

/** The table `summary.csv` has one row per cell, with means over the rounds. */

export const summaryTable = table(
  [
    ...cellColumns,
    {
      name: 'oversubscribed',
      type: 'boolean',
      empty: true,
      about:
        'whether `cpu` work has more workers than effective cores; empty for `io` and `mixed`, which ' +
        'cores do not limit',
    },
    { name: 'rounds', type: 'number', about: 'number of trials with status `ok`' },
    { name: 'documents_per_second', type: 'number', empty: true, about: 'geometric mean over rounds' },
    {
      name: 'documents_per_second_low',
      type: 'number',
      empty: true,
      about: 'lower end of the 95 % t interval (on logarithms); empty below two rounds',
    },
    { name: 'documents_per_second_high', type: 'number', empty: true, about: 'upper end, likewise' },
    {
      name: 'megabytes_per_second',
      type: 'number',
      empty: true,
      about: 'documents_per_second × mean document size ÷ 10⁶',
    },
    {
      name: 'speedup',
      type: 'number',
      empty: true,
      about:
        'documents per second ÷ those of `sequential` in the same round, geometric mean over rounds; ' +
        'empty without `sequential`',
    },
    {
      name: 'speedup_low',
      type: 'number',
      empty: true,
      about: 'lower end of the 95 % t interval on the paired log ratios',
    },
    { name: 'speedup_high', type: 'number', empty: true, about: 'upper end, likewise' },
    { name: 'efficiency_workers', type: 'number', empty: true, about: 'speedup ÷ workers' },
    {
      name: 'efficiency_cores',
      type: 'number',
      empty: true,
      about: 'speedup ÷ min(workers, effective cores); `cpu` work only',
    },
    {
      name: 'work_efficiency',
      type: 'number',
      empty: true,
      about:
        'sequential time ÷ time inside tasks; below 1 the tasks themselves are slower than they are ' +
        'alone. work × balance × availability = efficiency_workers, exactly within a round; empty ' +
        'where workers cannot be distinguished, or wait for cores',
    },
    {
      name: 'balance',
      type: 'number',
      empty: true,
      about: 'mean ÷ largest time that a worker spent inside tasks',
    },
    {
      name: 'availability',
      type: 'number',
      empty: true,
      about:
        'largest time that a worker spent inside tasks ÷ wall time; the rest is dispatch, transfer ' +
        'and waiting',
    },
    {
      name: 'karp_flatt',
      type: 'number',
      empty: true,
      about:
        'serial share of the work that would explain the speed-up, (1/S − 1/M) ÷ (1 − 1/M), M = ' +
        'min(workers, effective cores) > 1; `cpu` work only',
    },
    {
      name: 'break_even_documents',
      type: 'number',
      empty: true,
      about:
        'number of documents after which start-up, and the time until the code is warm, have paid off ' +
        'against `sequential`, which has both as well; empty if they never do',
    },
    { name: 'cpu_percent', type: 'number', empty: true, about: 'mean over rounds; 100 is one core' },
    {
      name: 'cpu_ms_per_document',
      type: 'number',
      empty: true,
      about: 'user and system CPU time of the tree per document, mean over rounds, milliseconds',
    },
    { name: 'cpu_user_ms_per_document', type: 'number', empty: true, about: 'the user part of it' },
    { name: 'cpu_system_ms_per_document', type: 'number', empty: true, about: 'the system part of it' },
    {
      name: 'event_loop_utilization',
      type: 'number',
      empty: true,
      about: 'share of time in which the caller’s event loop was busy, 0 to 1, mean over rounds',
    },
    { name: 'rss_peak_bytes', type: 'number', empty: true, about: 'largest value over rounds' },
    { name: 'memory_peak_bytes', type: 'number', empty: true, about: 'largest value over rounds' },
    {
      name: 'context_switches_per_document',
      type: 'number',
      empty: true,
      about: 'voluntary and involuntary context switches per document, mean over rounds',
    },
    { name: 'startup_ms', type: 'number', empty: true, about: 'median over rounds' },
    {
      name: 'cold_code_ms',
      type: 'number',
      empty: true,
      about: 'likewise, of what a program loses per start until its code is warm; at least 0',
    },
    {
      name: 'latency_p50_ms',
      type: 'number',
      empty: true,
      about: 'median over rounds of the trials’ medians',
    },
    { name: 'latency_p95_ms', type: 'number', empty: true, about: 'likewise, of the 95th percentiles' },
    { name: 'latency_p99_ms', type: 'number', empty: true, about: 'likewise, of the 99th percentiles' },
    {
      name: 'outcomes_failed',
      type: 'number',
      empty: true,
      about: 'documents whose outcome is not `ok`, sum over rounds',
    },
    {
      name: 'digest_matches',
      type: 'boolean',
      empty: true,
      about: 'true if the results of every trial equal those of the sequential oracle',
    },
  ] as const,
  together('documents_per_second', 'megabytes_per_second', 'outcomes_failed'),
);

export type SummaryRow = Row<typeof summaryTable>;
/** A cell that has a rate, because at least one of its trials was ok. */
export type RatedSummary = Extract<SummaryRow, { readonly documents_per_second: number }>;

export function hasRate(row: SummaryRow): row is RatedSummary {
  return row.documents_per_second !== null;
}
