/**
 * The schema of a run's CSV files: one table a file. Types, reading, writing and `results/README.md` follow from it.
 * Inside, a row's fields have the names of its columns, and an unknown value is `null`, written as an empty cell.
 */
export interface Column {
  readonly name: string;
  readonly type: 'text' | 'number' | 'boolean';
  /** May be empty: unknown, or without meaning for this row. */
  readonly empty?: true;
  readonly about: string;
}

type Value = { text: string; number: number; boolean: boolean };
type Required<C extends Column> = C extends { empty: true } ? never : C;
type Optional<C extends Column> = C extends { empty: true } ? C : never;

/** The row type of a table of columns. */
export type Row<Columns extends readonly Column[]> = {
  readonly [C in Required<Columns[number]> as C['name']]: Value[C['type']];
} & { readonly [C in Optional<Columns[number]> as C['name']]: Value[C['type']] | null };

/** A null for every column that may be empty: where nothing was measured, nothing is said. */
export function unknown<const Columns extends readonly Column[]>(columns: Columns): Record<Optional<Columns[number]>['name'], null> {
  return Object.fromEntries(columns.filter(({ empty }) => empty).map(({ name }) => [name, null])) as Record<string, null>;
}

/** Raised when a column changes its meaning, is renamed or removed; a new column does not raise it. */
export const schema = 1;

export const statuses = ['ok', 'void', 'failed'] as const;

const cell = [
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  { name: 'kind', type: 'text', about: '`cpu`, `io` or `mixed`: what the workload says of itself' },
  { name: 'corpus', type: 'text', about: '`10KB`, `mixed` (synthetic) or `docs` (real files); its hash is in environment.json' },
  { name: 'document_bytes', type: 'number', about: 'mean size of a document, bytes' },
  { name: 'strategy', type: 'text', about: 'strategy' },
  { name: 'workers', type: 'number', about: 'threads or processes at work, for `async` documents in flight; 1 for `sequential`' },
  { name: 'delivery', type: 'text', about: 'how documents reach a worker: `none`, `clone`, `transfer`, `shared`, `message`, `path`' },
] as const satisfies readonly Column[];

export const trialColumns = [
  { name: 'schema', type: 'number', about: 'version of this table' },
  { name: 'run_id', type: 'text', about: 'the run, as its folder is called' },
  { name: 'round', type: 'number', about: 'pass over all cells, from 1; comparisons are paired within it' },
  { name: 'order', type: 'number', about: 'place of the trial in its round’s random order, from 1' },
  ...cell,
  { name: 'documents', type: 'number', about: 'documents in one pass' },
  { name: 'status', type: 'text', about: '`ok`; `void` (an external cause was recorded); `failed` (the reason is in `reason`)' },
  { name: 'reason', type: 'text', empty: true, about: 'why a trial is not `ok`' },
  { name: 'passes', type: 'number', empty: true, about: 'timed passes over the corpus' },
  { name: 'wall_ms', type: 'number', empty: true, about: 'all timed passes together, milliseconds' },
  { name: 'documents_per_second', type: 'number', empty: true, about: 'passes × documents ÷ wall time' },
  { name: 'megabytes_per_second', type: 'number', empty: true, about: 'input bytes ÷ wall time; 1 MB = 10⁶ bytes' },
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
    about: 'user CPU time of the whole process tree over the timed passes, milliseconds; every process counts itself (getrusage)',
  },
  { name: 'cpu_system_ms', type: 'number', empty: true, about: 'system CPU time, likewise' },
  { name: 'cpu_percent', type: 'number', empty: true, about: 'CPU time ÷ wall time × 100; 100 is one core' },
  {
    name: 'rss_peak_bytes',
    type: 'number',
    empty: true,
    about:
      'largest sampled sum of resident sizes over the process tree (pidusage); counts shared pages once a process, so it is an upper bound',
  },
  {
    name: 'memory_peak_bytes',
    type: 'number',
    empty: true,
    about: 'largest sampled memory of the process tree with shared pages counted once; empty where the system does not offer it',
  },
  { name: 'memory_samples', type: 'number', empty: true, about: 'samples behind the two peaks' },
  {
    name: 'threads_peak',
    type: 'number',
    empty: true,
    about: 'largest sampled number of threads over the process tree; empty where the system does not offer it',
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
    about: 'share of the timed passes in which the main thread’s event loop was busy, 0 to 1; blocking counts as busy',
  },
  {
    name: 'latency_p50_ms',
    type: 'number',
    empty: true,
    about: 'a document’s time from being pulled from the source until its outcome was emitted, median, milliseconds',
  },
  { name: 'latency_p95_ms', type: 'number', empty: true, about: 'likewise, 95th percentile' },
  { name: 'latency_p99_ms', type: 'number', empty: true, about: 'likewise, 99th percentile' },
  { name: 'task_p50_ms', type: 'number', empty: true, about: 'time inside the task by the worker’s clock, median, milliseconds' },
  { name: 'outcomes_ok', type: 'number', empty: true, about: 'documents of all timed passes that ended `ok`' },
  { name: 'outcomes_failed', type: 'number', empty: true, about: 'documents of all timed passes that ended otherwise' },
  {
    name: 'digest',
    type: 'text',
    empty: true,
    about: 'hash over the status and digest of every document’s outcome, in corpus order; equal when the results are',
  },
  { name: 'digest_matches', type: 'boolean', empty: true, about: 'whether it equals the digest of the sequential oracle run' },
] as const satisfies readonly Column[];

export const summaryColumns = [
  ...cell,
  {
    name: 'oversubscribed',
    type: 'boolean',
    empty: true,
    about: 'more workers than effective cores, on `cpu` work; empty for `io` and `mixed`, which cores do not bound',
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
  { name: 'megabytes_per_second', type: 'number', empty: true, about: 'documents_per_second × mean document size ÷ 10⁶' },
  {
    name: 'speedup',
    type: 'number',
    empty: true,
    about: 'ratio of documents per second to `sequential` of the same round, geometric mean over rounds; empty without `sequential`',
  },
  { name: 'speedup_low', type: 'number', empty: true, about: 'lower end of its 95 % t interval on the paired log ratios' },
  { name: 'speedup_high', type: 'number', empty: true, about: 'upper end, likewise' },
  { name: 'efficiency_workers', type: 'number', empty: true, about: 'speedup ÷ workers' },
  { name: 'efficiency_cores', type: 'number', empty: true, about: 'speedup ÷ min(workers, effective cores); `cpu` work only' },
  { name: 'cpu_percent', type: 'number', empty: true, about: 'mean over rounds; 100 is one core' },
  {
    name: 'cpu_ms_per_document',
    type: 'number',
    empty: true,
    about: 'user and system CPU time of the tree a document, mean over rounds, milliseconds',
  },
  { name: 'rss_peak_bytes', type: 'number', empty: true, about: 'largest over rounds' },
  { name: 'memory_peak_bytes', type: 'number', empty: true, about: 'largest over rounds' },
  { name: 'context_switches_per_document', type: 'number', empty: true, about: 'voluntary and involuntary, mean over rounds' },
  { name: 'startup_ms', type: 'number', empty: true, about: 'median over rounds' },
  { name: 'latency_p50_ms', type: 'number', empty: true, about: 'median over rounds of the trials’ medians' },
  { name: 'latency_p95_ms', type: 'number', empty: true, about: 'likewise of their 95th percentiles' },
  { name: 'latency_p99_ms', type: 'number', empty: true, about: 'likewise of their 99th percentiles' },
  { name: 'outcomes_failed', type: 'number', empty: true, about: 'sum over rounds of documents that did not end `ok`' },
  { name: 'digest_matches', type: 'boolean', empty: true, about: 'true when every trial’s results equalled the sequential oracle’s' },
] as const satisfies readonly Column[];

export type TrialRow = Row<typeof trialColumns>;
export type SummaryRow = Row<typeof summaryColumns>;
