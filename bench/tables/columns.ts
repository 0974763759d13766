import { type Column, type Row, table, together } from './table.js';

/** `trials.csv` and `summary.csv`: the two tables that everything else is computed from. */

/** Raised when a column changes its meaning, is renamed or removed; a new column does not raise it. */
export const schema = 1;

const cell = [
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  {
    name: 'kind',
    type: 'text',
    about: '`cpu`, `io` or `mixed`: what the workload says of itself, else what it was measured to be',
  },
  {
    name: 'corpus',
    type: 'text',
    about: '`10KB`, `mixed` (synthetic) or `docs` (real files); its hash is in environment.json',
  },
  { name: 'document_bytes', type: 'number', about: 'mean size of a document, bytes' },
  { name: 'strategy', type: 'text', about: 'strategy' },
  {
    name: 'workers',
    type: 'number',
    about: 'threads or processes at work, for `async` documents in flight; 1 for `sequential`',
  },
  {
    name: 'delivery',
    type: 'text',
    about: 'how documents reach a worker: `none`, `clone`, `transfer`, `shared`, `message`, `path`',
  },
] as const satisfies readonly Column[];

/** Known of every trial whose passes were timed and gave the right results. */
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
    { name: 'schema', type: 'number', about: 'version of this table' },
    { name: 'run_id', type: 'text', about: 'the run, as its folder is called' },
    { name: 'round', type: 'number', about: 'pass over all cells, from 1; comparisons are paired within it' },
    { name: 'order', type: 'number', about: 'place of the trial in its round’s random order, from 1' },
    ...cell,
    {
      name: 'transport',
      type: 'text',
      empty: true,
      about:
        'what carried the documents, where the strategy had to see what there is: `tmpfs`, `file` (a temporary one), `message`',
    },
    {
      name: 'twin',
      type: 'text',
      empty: true,
      about:
        '`A/A` for the second measurement of a cell in its round, which shows how much equal things differ; never part of a summary',
    },
    {
      name: 'attempt',
      type: 'number',
      about: '1, or how often the cell has been measured in this round because the attempt before was void',
    },
    { name: 'documents', type: 'number', about: 'documents in one pass' },
    {
      name: 'status',
      type: 'text',
      about: '`ok`; `void` (an external cause was recorded); `failed` (the reason is in `reason`)',
    },
    { name: 'reason', type: 'text', empty: true, about: 'why a trial is not `ok`' },
    { name: 'passes', type: 'number', empty: true, about: 'timed passes over the corpus' },
    { name: 'wall_ms', type: 'number', empty: true, about: 'all timed passes together, milliseconds' },
    { name: 'documents_per_second', type: 'number', empty: true, about: 'passes × documents ÷ wall time' },
    {
      name: 'megabytes_per_second',
      type: 'number',
      empty: true,
      about: 'input bytes ÷ wall time; 1 MB = 10⁶ bytes',
    },
    {
      name: 'startup_ms',
      type: 'number',
      empty: true,
      about: 'from opening the strategy until every worker had loaded the workload and said so, milliseconds',
    },
    {
      name: 'cpu_user_ms',
      type: 'number',
      empty: true,
      about:
        'user CPU time of the whole process tree over the timed passes, milliseconds; every process counts itself (getrusage)',
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
        'the kernel’s count of the same tree’s CPU time (clock ticks of 10 ms) over the noise window, read from outside: a check, blind to what happens between passes',
    },
    {
      name: 'cpu_source',
      type: 'text',
      empty: true,
      about:
        '`self-report`: every process counts itself; `self-report+cutime`: children ended inside the window, and the kernel’s sum over ended children counts them; `incomplete`: children ended, and nothing counts them; `partial`: some workers could not be asked, and what is known of a part of the tree is left empty',
    },
    {
      name: 'rss_peak_bytes',
      type: 'number',
      empty: true,
      about:
        'peak sum of resident sizes over the process tree (pidusage); counts shared pages once a process, so it is an upper bound',
    },
    {
      name: 'memory_peak_bytes',
      type: 'number',
      empty: true,
      about:
        'peak memory of the process tree with shared pages counted once: Σ (Pss_Anon + Pss_Shmem) + max RssFile; empty where the system does not offer it',
    },
    {
      name: 'memory_peak_kind',
      type: 'text',
      empty: true,
      about:
        'of both peaks: `high-water` is kept by the kernel and exact (a tree of one process), `sampled` is the largest sample, a lower bound',
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
      about: 'memory samples, the one at the window’s end included',
    },
    {
      name: 'sampler_cpu_percent',
      type: 'number',
      empty: true,
      about: 'what sampling cost inside the window, percent of one core; outside the measured tree',
    },
    {
      name: 'threads_peak',
      type: 'number',
      empty: true,
      about:
        'largest sampled number of threads over the process tree; empty where the system does not offer it',
    },
    {
      name: 'context_switches_voluntary',
      type: 'number',
      empty: true,
      about: 'of the whole process tree over the timed passes (getrusage); empty on Windows',
    },
    { name: 'context_switches_involuntary', type: 'number', empty: true, about: 'likewise' },
    {
      name: 'event_loop_utilization',
      type: 'number',
      empty: true,
      about:
        'share of the timed passes in which the main thread’s event loop was busy, 0 to 1; blocking counts as busy',
    },
    {
      name: 'event_loop_utilization_workers',
      type: 'number',
      empty: true,
      about: 'likewise, mean over the workers’ event loops; empty where there are none',
    },
    {
      name: 'gc_ms',
      type: 'number',
      empty: true,
      about: 'garbage collection in all JavaScript engines of the tree, milliseconds',
    },
    {
      name: 'latency_p50_ms',
      type: 'number',
      empty: true,
      about:
        'a document’s time from being pulled from the source until its outcome was emitted, median, milliseconds',
    },
    { name: 'latency_p95_ms', type: 'number', empty: true, about: 'likewise, 95th percentile' },
    { name: 'latency_p99_ms', type: 'number', empty: true, about: 'likewise, 99th percentile' },
    {
      name: 'in_flight_mean',
      type: 'number',
      empty: true,
      about:
        'documents between being pulled and emitted, mean over time: Σ latency ÷ wall time (Little’s law)',
    },
    {
      name: 'task_p50_ms',
      type: 'number',
      empty: true,
      about: 'time inside the task by the worker’s clock, median, milliseconds',
    },
    {
      name: 'busy_ms',
      type: 'number',
      empty: true,
      about:
        'time inside the task, all workers together, milliseconds; empty for oversubscribed `cpu` cells, where waiting for a core would read as work',
    },
    { name: 'busy_max_ms', type: 'number', empty: true, about: 'likewise, of the busiest worker' },
    { name: 'busy_workers', type: 'number', empty: true, about: 'workers that had a document' },
    {
      name: 'rate_rise_percent',
      type: 'number',
      empty: true,
      about:
        'how much higher the rate of the second half of the passes was than that of the first half; ' +
        'empty below four passes',
    },
    {
      name: 'documents_cost_ratio',
      type: 'number',
      empty: true,
      about:
        'mean cost of this trial’s documents ÷ that of the run’s sample, by the oracle; rates are compared ' +
        'after multiplying by it; empty if every configuration ran the same documents',
    },
    {
      name: 'end_idle_ms',
      type: 'number',
      empty: true,
      about:
        'from when each worker had finished its last document of a pass until the last of all was finished, mean over workers, all passes together, milliseconds: what a long run does not lose; empty where tasks are not timed, and where cores are short rather than workers',
    },
    {
      name: 'outcomes_ok',
      type: 'number',
      empty: true,
      about: 'documents of all timed passes that ended `ok`',
    },
    {
      name: 'outcomes_failed',
      type: 'number',
      empty: true,
      about: 'documents of all timed passes that ended otherwise',
    },
    {
      name: 'digest',
      type: 'text',
      empty: true,
      about:
        'hash over the status and digest of every document’s outcome, in corpus order; equal when the results are; empty where results are too large to be kept and only some were looked at',
    },
    {
      name: 'digest_matches',
      type: 'boolean',
      empty: true,
      about: 'whether it equals the digest of the sequential oracle run',
    },
    {
      name: 'noise_window_ms',
      type: 'number',
      empty: true,
      about:
        'from the first pass’s begin to the last one’s end, verification in between included: what the noise columns speak of',
    },
    {
      name: 'noise_steal_percent',
      type: 'number',
      empty: true,
      about: 'share of the machine’s time that the hypervisor gave to others; void above 5',
    },
    {
      name: 'noise_others_percent',
      type: 'number',
      empty: true,
      about:
        'share of the machine’s time that went to processes outside the tree and the suite; void above 5 and what counting in ticks cannot tell (a tick a core)',
    },
    {
      name: 'noise_pressure_ms',
      type: 'number',
      empty: true,
      about: 'time in which some runnable thread of the machine waited for a core (PSI)',
    },
    {
      name: 'noise_run_delay_ms',
      type: 'number',
      empty: true,
      about: 'time that the tree’s live threads waited for a core; oversubscription does this by itself',
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
      about: 'pages the machine swapped; void above 0',
    },
    {
      name: 'quota_limited',
      type: 'boolean',
      empty: true,
      about: 'whether a CPU quota stopped the tree; empty where the system does not say',
    },
    {
      name: 'busy',
      type: 'boolean',
      empty: true,
      about:
        'true for the least disturbed of a cell’s void trials, which counts because all its repetitions in the round were void as well; else empty',
    },
  ] as const,
  [
    { is: { status: 'ok' }, known: measured, empty: ['reason'] },
    { is: { status: 'void' }, known: [...measured, 'reason'] },
    { is: { status: 'failed' }, known: ['reason'] },
  ],
);

export const summaryTable = table(
  [
    ...cell,
    {
      name: 'oversubscribed',
      type: 'boolean',
      empty: true,
      about:
        'more workers than effective cores, on `cpu` work; empty for `io` and `mixed`, which cores do not bound',
    },
    { name: 'rounds', type: 'number', about: 'trials with status `ok`' },
    { name: 'documents_per_second', type: 'number', empty: true, about: 'geometric mean over rounds' },
    {
      name: 'documents_per_second_low',
      type: 'number',
      empty: true,
      about: 'lower end of its 95 % t interval (on logarithms); empty below two rounds',
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
        'ratio of documents per second to `sequential` of the same round, geometric mean over rounds; empty without `sequential`',
    },
    {
      name: 'speedup_low',
      type: 'number',
      empty: true,
      about: 'lower end of its 95 % t interval on the paired log ratios',
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
        'sequential time ÷ time inside tasks: below 1 the tasks themselves are slower than alone. work × balance × availability = efficiency_workers, exactly within a round; empty where workers cannot be told apart or wait for cores',
    },
    { name: 'balance', type: 'number', empty: true, about: 'mean ÷ largest time inside tasks of a worker' },
    {
      name: 'availability',
      type: 'number',
      empty: true,
      about: 'largest time inside tasks of a worker ÷ wall time: the rest is dispatch, transfer and waiting',
    },
    {
      name: 'karp_flatt',
      type: 'number',
      empty: true,
      about:
        'serial share that the speed-up amounts to, (1/S − 1/M) ÷ (1 − 1/M), M = min(workers, effective cores) > 1; `cpu` work only',
    },
    {
      name: 'break_even_documents',
      type: 'number',
      empty: true,
      about: 'documents after which start-up has paid off against `sequential`; empty when it never does',
    },
    { name: 'cpu_percent', type: 'number', empty: true, about: 'mean over rounds; 100 is one core' },
    {
      name: 'cpu_ms_per_document',
      type: 'number',
      empty: true,
      about: 'user and system CPU time of the tree a document, mean over rounds, milliseconds',
    },
    { name: 'cpu_user_ms_per_document', type: 'number', empty: true, about: 'its user part' },
    { name: 'cpu_system_ms_per_document', type: 'number', empty: true, about: 'its system part' },
    {
      name: 'event_loop_utilization',
      type: 'number',
      empty: true,
      about: 'share of time in which the caller’s event loop was busy, 0 to 1, mean over rounds',
    },
    { name: 'rss_peak_bytes', type: 'number', empty: true, about: 'largest over rounds' },
    { name: 'memory_peak_bytes', type: 'number', empty: true, about: 'largest over rounds' },
    {
      name: 'context_switches_per_document',
      type: 'number',
      empty: true,
      about: 'voluntary and involuntary, mean over rounds',
    },
    { name: 'startup_ms', type: 'number', empty: true, about: 'median over rounds' },
    {
      name: 'latency_p50_ms',
      type: 'number',
      empty: true,
      about: 'median over rounds of the trials’ medians',
    },
    { name: 'latency_p95_ms', type: 'number', empty: true, about: 'likewise of their 95th percentiles' },
    { name: 'latency_p99_ms', type: 'number', empty: true, about: 'likewise of their 99th percentiles' },
    {
      name: 'outcomes_failed',
      type: 'number',
      empty: true,
      about: 'sum over rounds of documents that did not end `ok`',
    },
    {
      name: 'digest_matches',
      type: 'boolean',
      empty: true,
      about: 'true when every trial’s results equalled the sequential oracle’s',
    },
  ] as const,
  together('documents_per_second', 'megabytes_per_second', 'outcomes_failed'),
);

export type TrialRow = Row<typeof trialTable>;
/** A trial that counts: it has a rate. */
export type OkTrial = Extract<TrialRow, { readonly status: 'ok' }>;
export type SummaryRow = Row<typeof summaryTable>;
/** A cell with a rate: at least one of its trials was ok. */
export type RatedSummary = Extract<SummaryRow, { readonly documents_per_second: number }>;

export function isOk(trial: TrialRow): trial is OkTrial {
  return trial.status === 'ok';
}

export function hasRate(row: SummaryRow): row is RatedSummary {
  return row.documents_per_second !== null;
}
