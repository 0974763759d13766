import { type Delivery, deliveries } from '../../strategies/strategy.js';
import { cellColumns, runColumns } from './cell.js';
import { type Row, table } from './table.js';

/** The table `trials.csv`, from which `summary.csv` and all else is computed. */

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
    {
      name: 'cpu_user_ms',
      type: 'number',
      empty: true,
      about:
        'user CPU time of the whole process tree over the timed passes, milliseconds; every process ' +
        'counts itself (getrusage)',
    },
    { name: 'cpu_system_ms', type: 'number', empty: true, about: 'system CPU time, likewise' },
    {
      name: 'cpu_percent',
      type: 'number',
      empty: true,
      about: 'CPU time ÷ wall time × 100; 100 is one core',
    },
    {
      name: 'tree_cpu_check_ms',
      type: 'number',
      empty: true,
      about:
        'a check: CPU time of the same tree as the kernel counts it (clock ticks of 10 ms), read from ' +
        'outside over the noise window; it cannot leave out what happens between passes',
    },
    {
      name: 'cpu_source',
      type: 'text',
      empty: true,
      about:
        '`self-report`: every process counts itself; `self-report+cutime`: children ended inside the ' +
        'window, and the kernel’s sum over ended children counts them; `incomplete`: children ended, ' +
        'and nothing counts them; `partial`: some workers could not be asked, so columns about the ' +
        'whole tree are empty',
    },
    {
      name: 'rss_peak_bytes',
      type: 'number',
      empty: true,
      about:
        'peak sum of resident sizes over the process tree (pidusage); a shared page counts once per ' +
        'process, so this is an upper bound',
    },
    {
      name: 'memory_peak_bytes',
      type: 'number',
      empty: true,
      about:
        'peak memory of the process tree with shared pages counted once: Σ (Pss_Anon + Pss_Shmem) + ' +
        'max RssFile; empty where the system does not report it',
    },
    {
      name: 'memory_peak_kind',
      type: 'text',
      empty: true,
      about:
        'how both peaks were measured: `high-water` is recorded by the kernel and exact (a tree of ' +
        'one process); `sampled` is the largest sample, a lower bound',
    },
    {
      name: 'memory_interval_ms',
      type: 'number',
      empty: true,
      about: 'mean time between memory samples, milliseconds',
    },
    {
      name: 'memory_samples',
      type: 'number',
      empty: true,
      about: 'number of memory samples, including the one at the end of the window',
    },
    {
      name: 'sampler_cpu_percent',
      type: 'number',
      empty: true,
      about:
        'CPU time that sampling used inside the window, percent of one core; the sampler is outside ' +
        'the measured tree',
    },
    {
      name: 'threads_peak',
      type: 'number',
      empty: true,
      about:
        'largest sampled number of threads over the process tree; empty where the system does not ' +
        'report it',
    },
    {
      name: 'context_switches_voluntary',
      type: 'number',
      empty: true,
      about:
        'voluntary context switches of the whole process tree over the timed passes (getrusage); ' +
        'empty on Windows',
    },
    {
      name: 'context_switches_involuntary',
      type: 'number',
      empty: true,
      about: 'involuntary context switches, likewise',
    },
    {
      name: 'event_loop_utilization',
      type: 'number',
      empty: true,
      about:
        'share of the timed passes in which the main thread’s event loop was busy, 0 to 1; blocking ' +
        'counts as busy',
    },
    {
      name: 'event_loop_utilization_workers',
      type: 'number',
      empty: true,
      about: 'likewise, mean over the event loops of the workers; empty where there are no workers',
    },
    {
      name: 'gc_ms',
      type: 'number',
      empty: true,
      about: 'time of garbage collection in all JavaScript engines of the tree, milliseconds',
    },
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
    {
      name: 'noise_window_ms',
      type: 'number',
      empty: true,
      about:
        'the time that the noise columns describe: from the start of the first pass to the end of the ' +
        'last, including the verification in between, milliseconds',
    },
    {
      name: 'noise_steal_percent',
      type: 'number',
      empty: true,
      about:
        'share of the machine’s time that the hypervisor gave to other guests; the trial is void ' +
        'above 5',
    },
    {
      name: 'noise_others_percent',
      type: 'number',
      empty: true,
      about:
        'share of the machine’s time that went to processes outside the tree and the suite; the trial ' +
        'is void above 5 plus the resolution of the counters (one tick per core)',
    },
    {
      name: 'noise_pressure_ms',
      type: 'number',
      empty: true,
      about: 'time in which at least one runnable thread of the machine waited for a core (PSI)',
    },
    {
      name: 'noise_run_delay_ms',
      type: 'number',
      empty: true,
      about:
        'time that live threads of the tree waited for a core; oversubscription alone causes this, ' + 'too',
    },
    {
      name: 'noise_throttled_ms',
      type: 'number',
      empty: true,
      about: 'time in which a CPU quota stopped the tree',
    },
    {
      name: 'noise_swap_pages',
      type: 'number',
      empty: true,
      about: 'number of pages that the machine swapped; the trial is void above 0',
    },
    {
      name: 'quota_limited',
      type: 'boolean',
      empty: true,
      about: 'whether a CPU quota stopped the tree; empty where the system does not report it',
    },
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
