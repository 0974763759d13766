import { type Delivery, deliveries } from '../../strategies/strategy.js';
import { cellColumns, runColumns } from './cell.js';
import { type Row, table } from './table.js';
import { noiseColumns } from './trial/noise.js';
import { usageColumns } from './trial/usage.js';

/**
 * The table `trials.csv`, from which `summary.csv` and all else is computed. Columns about what the process
 * tree used, and about what disturbed it, are in the folder `trial`.
 */

/** Raised when a column changes its meaning, is renamed or removed; a new column does not raise it. */
export const schema = 1;

/** These columns are known for every trial whose passes were timed and gave the right results. */
const measured = [
  'passes',
  'wall_ms',
  'documents_per_second',
  'megabytes_per_second',
  'startup_ms',
  'outcomes_ok',
  'outcomes_failed',
] as const;

export const trialTable = table(
  [
    ...runColumns,
    {
      name: 'round',
      type: 'number',
      about:
        'number of the round, from 1; a round measures every cell once, and comparisons are paired ' +
        'within it',
    },
    {
      name: 'order',
      type: 'number',
      about: 'position of the trial in the random order of its round, from 1',
    },
    ...cellColumns,
    {
      name: 'transport',
      type: 'text',
      empty: true,
      about:
        'how the documents were carried, where the strategy chose by what the machine offers: ' +
        '`tmpfs`, `file` (a temporary file), `message`',
    },
    {
      name: 'twin',
      type: 'text',
      empty: true,
      about:
        '`A/A` for the second measurement of a cell in the same round, which shows how much equal ' +
        'things differ; a twin is never part of a summary',
    },
    {
      name: 'attempt',
      type: 'number',
      about:
        '1; a higher number counts how often the cell was measured in this round, because the ' +
        'attempts before were void',
    },
    { name: 'documents', type: 'number', about: 'documents in one pass' },
    {
      name: 'status',
      type: 'text',
      about: '`ok`; `void` (an external cause was recorded); `failed` (the reason is in `reason`)',
    },
    { name: 'reason', type: 'text', empty: true, about: 'why the trial is not `ok`' },
    { name: 'passes', type: 'number', empty: true, about: 'timed passes over the corpus' },
    {
      name: 'wall_ms',
      type: 'number',
      empty: true,
      about: 'wall time of all timed passes together, milliseconds',
    },
    { name: 'documents_per_second', type: 'number', empty: true, about: 'passes × documents ÷ wall time' },
    {
      name: 'megabytes_per_second',
      type: 'number',
      empty: true,
      about: 'input bytes ÷ wall time; 1 MB = 10⁶ bytes',
    },
    {
      name: 'service_requests',
      type: 'number',
      empty: true,
      about:
        'requests that arrived at the service of the task in the timed passes; empty without --llm-limit',
    },
    {
      name: 'service_refusals',
      type: 'number',
      empty: true,
      about:
        'requests of these that the service has refused with 429; without --llm-limit, requests that the ' +
        'task has reported as refused, empty for none',
    },
    {
      name: 'service_closed_ms',
      type: 'number',
      empty: true,
      about: 'no request was allowed for this long, as the service had asked; empty for no time',
    },
    {
      name: 'service_limits',
      type: 'text',
      empty: true,
      about: 'limits that the headers of refusals say are used up; empty where they say nothing',
    },
    {
      name: 'service_violations',
      type: 'number',
      empty: true,
      about:
        'requests of these that exceeded a limit in the window that ended with them, by the log of the ' +
        'service',
    },
    {
      name: 'startup_ms',
      type: 'number',
      empty: true,
      about:
        'time from opening the strategy until every worker has loaded the workload and reported that ' +
        'it is ready, milliseconds',
    },
    {
      name: 'cold_code_ms',
      type: 'number',
      empty: true,
      about:
        'how much longer the documents of the warm-up took than they take in the timed passes, ' +
        'milliseconds: what a program loses once per start until engines have compiled the code, as far as ' +
        'the warm-up goes; below 0 where rates scatter by more; empty without a warm-up',
    },
    ...usageColumns,
    {
      name: 'latency_p50_ms',
      type: 'number',
      empty: true,
      about:
        'time from when a document is pulled from the source until its outcome is emitted, median, ' +
        'milliseconds; where documents are files it begins with the name, so reading is part of it',
    },
    { name: 'latency_p95_ms', type: 'number', empty: true, about: 'likewise, 95th percentile' },
    { name: 'latency_p99_ms', type: 'number', empty: true, about: 'likewise, 99th percentile' },
    {
      name: 'in_flight_mean',
      type: 'number',
      empty: true,
      about:
        'number of documents that are pulled but not yet emitted, mean over time: Σ latency ÷ wall ' +
        'time (Little’s law)',
    },
    {
      name: 'task_p50_ms',
      type: 'number',
      empty: true,
      about: 'time inside the task, by the worker’s clock, median, milliseconds',
    },
    {
      name: 'busy_ms',
      type: 'number',
      empty: true,
      about:
        'time inside the task, sum over all workers, milliseconds; empty for oversubscribed `cpu` ' +
        'cells, where waiting for a core would count as work',
    },
    { name: 'busy_max_ms', type: 'number', empty: true, about: 'likewise, for the busiest worker' },
    { name: 'busy_workers', type: 'number', empty: true, about: 'number of workers that had a document' },
    {
      name: 'rate_rise_percent',
      type: 'number',
      empty: true,
      about:
        'how much higher the rate was in the second half of the passes than in the first half, ' +
        'percent; empty below four passes',
    },
    {
      name: 'documents_cost_ratio',
      type: 'number',
      empty: true,
      about:
        'mean cost of this trial’s documents ÷ mean cost of the run’s sample, both measured by the ' +
        'oracle; rates are multiplied by it before they are compared; empty if every configuration ' +
        'ran the same documents',
    },
    {
      name: 'end_idle_ms',
      type: 'number',
      empty: true,
      about:
        'time at the end of each pass in which a worker had finished and another was still busy, mean ' +
        'over workers (over documents in flight, where a worker has several), sum over passes, ' +
        'milliseconds, and no more than cores were idle; a long run ' +
        'does not lose this time; empty where tasks are not timed, or where cores are scarcer than workers',
    },
    {
      name: 'outcomes_ok',
      type: 'number',
      empty: true,
      about: 'documents of all timed passes whose outcome is `ok`',
    },
    {
      name: 'outcomes_failed',
      type: 'number',
      empty: true,
      about: 'documents of all timed passes whose outcome is anything else',
    },
    {
      name: 'digest',
      type: 'text',
      empty: true,
      about:
        'hash over the status and digest of every document’s outcome, in corpus order; equal if the ' +
        'results are equal; empty where results are too large to keep and only some were checked',
    },
    {
      name: 'digest_matches',
      type: 'boolean',
      empty: true,
      about: 'whether `digest` equals the digest of the sequential oracle run',
    },
    ...noiseColumns,
    {
      name: 'busy',
      type: 'boolean',
      empty: true,
      about:
        'true if all attempts of the cell in this round were void and this is the least disturbed ' +
        'one, which therefore counts; else empty',
    },
    {
      name: 'screening',
      type: 'boolean',
      empty: true,
      about:
        'true for a short trial of the screening of `pick`; it does not count where the configuration ' +
        'has five longer ones',
    },
  ] as const,
  [
    { is: { status: 'ok' }, known: measured, empty: ['reason'] },
    { is: { status: 'void' }, known: [...measured, 'reason'] },
    { is: { status: 'failed' }, known: ['reason'] },
  ],
);

export type TrialRow = Row<typeof trialTable>;
/** A trial that counts. It always has a rate. */
export type OkTrial = Extract<TrialRow, { readonly status: 'ok' }>;

/** @throws Error if this version of forkwise has no such delivery */
export function deliveryOf({ delivery }: Pick<TrialRow, 'delivery'>): Delivery {
  const found = deliveries.find((one) => one === delivery);
  if (found !== undefined) return found;
  throw new Error(`expected a delivery, one of ${deliveries.join(', ')}, got "${delivery}"`);
}

export function isOk(trial: TrialRow): trial is OkTrial {
  return trial.status === 'ok';
}
