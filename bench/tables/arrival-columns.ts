import { cellColumns, runColumns } from './cell.js';
import { type Row, table } from './table.js';

/**
 * The table `arrivals.csv`, with one row per open-loop trial: documents come when the schedule says so, and
 * not when the strategy has room. Latencies run from the instant at which a document was due.
 */
export const arrivalTable = table(
  [
    ...runColumns,
    { name: 'round', type: 'number', about: 'round, from 1; each has a schedule of its own' },
    { name: 'order', type: 'number', about: 'place of the trial in its round' },
    ...cellColumns,
    { name: 'pattern', type: 'text', about: '`poisson` or `constant` arrivals' },
    { name: 'asked', type: 'text', about: 'rate as it was asked for: `80%` or `200/s`' },
    {
      name: 'capacity',
      type: 'number',
      empty: true,
      about: 'highest closed-loop rate of the family, which percents are of, documents per second',
    },
    { name: 'offered_per_second', type: 'number', about: 'documents that were due per second' },
    { name: 'documents', type: 'number', about: 'documents of the schedule' },
    {
      name: 'accept',
      type: 'number',
      empty: true,
      about: 'a document is refused while this many others have no outcome; empty: none is refused',
    },
    { name: 'status', type: 'text', about: '`ok`, `void` (disturbed from outside) or `failed`' },
    { name: 'reason', type: 'text', empty: true, about: 'why the trial is void or failed' },
    { name: 'done_per_second', type: 'number', empty: true, about: 'outcomes per second' },
    { name: 'outcomes_ok', type: 'number', empty: true, about: 'documents that were ok' },
    { name: 'outcomes_failed', type: 'number', empty: true, about: 'documents that were not' },
    { name: 'refused', type: 'number', empty: true, about: 'documents that were refused' },
    {
      name: 'unserved',
      type: 'number',
      empty: true,
      about:
        'documents that were not begun when the schedule and a quarter of its time were over; their ' +
        'latency is counted until then, and is too low',
    },
    {
      name: 'latency_mean_ms',
      type: 'number',
      empty: true,
      about: 'mean latency; empty if documents were refused',
    },
    {
      name: 'latency_p50_ms',
      type: 'number',
      empty: true,
      about: 'median; a refused document counts as endless',
    },
    { name: 'latency_p90_ms', type: 'number', empty: true, about: '90th percentile' },
    { name: 'latency_p99_ms', type: 'number', empty: true, about: '99th percentile' },
    {
      name: 'latency_p99_low_ms',
      type: 'number',
      empty: true,
      about: 'lower end of the 95 % interval of p99 within this trial, from batch means',
    },
    { name: 'latency_p99_high_ms', type: 'number', empty: true, about: 'its upper end' },
    { name: 'latency_p999_ms', type: 'number', empty: true, about: '99.9th percentile' },
    { name: 'latency_max_ms', type: 'number', empty: true, about: 'longest latency' },
    { name: 'limit_ms', type: 'number', empty: true, about: 'limit that goodput is counted with' },
    {
      name: 'outcomes_in_time',
      type: 'number',
      empty: true,
      about: 'documents that were ok within the limit; all others missed it',
    },
    {
      name: 'goodput_per_second',
      type: 'number',
      empty: true,
      about: 'documents per second that were ok within the limit',
    },
    {
      name: 'backlog_growth_percent',
      type: 'number',
      empty: true,
      about: 'growth of the number of unfinished documents per second, percent of the offered rate',
    },
    {
      name: 'late_p99_ms',
      type: 'number',
      empty: true,
      about: '99th percentile of how late the generator was',
    },
    {
      name: 'generator_cpu_percent',
      type: 'number',
      empty: true,
      about: 'CPU time of the generator, percent of one core',
    },
    { name: 'startup_ms', type: 'number', empty: true, about: 'time until all workers were ready' },
    { name: 'cpu_user_ms', type: 'number', empty: true, about: "CPU time of the tree's own code" },
    { name: 'cpu_system_ms', type: 'number', empty: true, about: 'CPU time of the system for the tree' },
    {
      name: 'memory_peak_bytes',
      type: 'number',
      empty: true,
      about: "peak of the tree's memory, shared pages once",
    },
    { name: 'noise_steal_percent', type: 'number', empty: true, about: 'time that the hypervisor took' },
    { name: 'noise_others_percent', type: 'number', empty: true, about: 'time that other processes took' },
  ],
  [
    { is: { status: 'ok' }, known: ['done_per_second', 'outcomes_ok', 'refused', 'backlog_growth_percent'] },
    { is: { status: 'void' }, known: ['reason'] },
    { is: { status: 'failed' }, known: ['reason'] },
  ],
);

export type ArrivalRow = Row<typeof arrivalTable>;

export const arrivalSchema = 1;
