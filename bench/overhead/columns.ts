import { type Column, type Row, table } from '../tables/table.js';

/** The columns of the files that the dispatch benchmark writes. */

const cell = [
  {
    name: 'strategy',
    type: 'text',
    about:
      'strategy or peer; `(shared view)`: the task reads shared memory in place; ' +
      '`(transferred)`: the caller gives its documents away; `(by path)`: a worker reads the file; ' +
      '`(by resolve)`: `resolve` returns a buffer that is there; `(runner)`: through `createRunner` and ' +
      '`process`, `(batches)`: with its outcomes in arrays',
  },
  { name: 'delivery', type: 'text', about: 'how documents reach a worker' },
  {
    name: 'in_flight',
    type: 'number',
    empty: true,
    about: 'documents a worker is sent before it has answered; empty where it is no option',
  },
  { name: 'workers', type: 'number', about: 'workers' },
  { name: 'document_bytes', type: 'number', about: 'size of each document, bytes' },
] as const satisfies readonly Column[];

/** `overhead.csv` has one row per trial, a fresh process that runs the task that does nothing. */
export const overheadTable = table(
  [
    { name: 'phase', type: 'text', about: '`sweep`: chooses the best configuration; `measure`: counts' },
    { name: 'round', type: 'number', about: 'round within the phase, from 1' },
    ...cell,
    {
      name: 'transport',
      type: 'text',
      empty: true,
      about: 'what carried the documents, where the strategy says',
    },
    { name: 'status', type: 'text', about: '`ok` or `failed`' },
    { name: 'reason', type: 'text', empty: true, about: 'why it failed' },
    {
      name: 'documents',
      type: 'number',
      empty: true,
      about: 'documents in all timed passes, each outcome checked',
    },
    { name: 'wall_ms', type: 'number', empty: true, about: 'wall time of all timed passes, milliseconds' },
    {
      name: 'overhead_us',
      type: 'number',
      empty: true,
      about: 'wall time a document, microseconds: the task itself does nothing',
    },
  ] as const,
  [
    { is: { status: 'ok' }, known: ['documents', 'wall_ms', 'overhead_us'], empty: ['reason'] },
    { is: { status: 'failed' }, known: ['reason'], empty: ['documents', 'wall_ms', 'overhead_us'] },
  ],
);
export type OverheadTrial = Row<typeof overheadTable>;
/** A trial that succeeded, so that its overhead is known. */
export type OkOverheadTrial = Extract<OverheadTrial, { readonly status: 'ok' }>;

/** `granularity.csv` has one row per trial and length of the task. */
export const granularityTable = table([
  { name: 'round', type: 'number', about: 'round, from 1' },
  ...cell,
  { name: 'steps', type: 'number', about: 'steps of the kernel a document' },
  { name: 'task_us', type: 'number', about: 'what they take alone on the main thread, microseconds' },
  { name: 'documents', type: 'number', about: 'documents in all timed passes' },
  { name: 'wall_ms', type: 'number', about: 'wall time of all timed passes, milliseconds' },
  {
    name: 'granularity_us',
    type: 'number',
    about:
      'wall time × min(workers, effective cores) / documents, microseconds: what a core spends on a document',
  },
  { name: 'efficiency', type: 'number', about: 'task time / granularity' },
] as const);
export type GranularityPoint = Row<typeof granularityTable>;

/** `overhead-summary.csv` has one row per strategy, workers and size, at its best configuration. */
export const overheadSummaryTable = table([
  ...cell,
  {
    name: 'isolation',
    type: 'text',
    about: 'what isolates a task from its caller: `none`, `thread`, `process`',
  },
  { name: 'role', type: 'text', about: '`ours`, `pool`: a rival pool or the strategy built on it, `other`' },
  { name: 'rounds', type: 'number', about: 'rounds in which it was measured' },
  { name: 'overhead_us', type: 'number', about: 'geometric mean over the rounds, microseconds a document' },
  { name: 'overhead_us_lower', type: 'number', empty: true, about: 'its 95 % t interval on logs' },
  { name: 'overhead_us_upper', type: 'number', empty: true, about: 'its 95 % t interval on logs' },
  {
    name: 'copies',
    type: 'number',
    empty: true,
    about:
      'copies that a document needs: 2 into a buffer of another thread or process, 1 into memory that both ' +
      'see or out of a file, 0 where a buffer is given away or is there already; empty without workers',
  },
  {
    name: 'limit_us',
    type: 'number',
    empty: true,
    about: 'copies × the time of one copy in the same run + 1, microseconds; empty where no copy was timed',
  },
  { name: 'of_limit', type: 'number', empty: true, about: 'overhead ÷ limit' },
] as const);
export type OverheadSummary = Row<typeof overheadSummaryTable>;

/** `copies.csv` has the time of one copy of a document on one thread, for each size and round. */
export const copyTable = table([
  { name: 'round', type: 'number', about: 'round, from 1' },
  { name: 'document_bytes', type: 'number', about: 'size of each document, bytes' },
  { name: 'copy_us', type: 'number', about: 'time a copy, microseconds; median of nine runs' },
] as const);
export type CopyTime = Row<typeof copyTable>;

/**
 * `overhead-ratios.csv` compares our strategies with the best rival pool of the same isolation, paired by
 * round: once with a caller that keeps its documents, once with one that gives them away.
 */
export const ratioTable = table([
  ...cell,
  {
    name: 'documents',
    type: 'text',
    about:
      '`kept`: rivals that leave the documents to their caller, as ours do; ' +
      '`transferred`: rivals that take them away',
  },
  { name: 'rival', type: 'text', about: 'the rival pool with the least overhead here' },
  { name: 'rival_delivery', type: 'text', about: 'its delivery' },
  { name: 'rival_in_flight', type: 'number', empty: true, about: 'its documents in flight a worker' },
  { name: 'ratio', type: 'number', about: 'how many times ours is below it: geometric mean over the rounds' },
  { name: 'ratio_lower', type: 'number', empty: true, about: 'its 95 % t interval on logs' },
  { name: 'ratio_upper', type: 'number', empty: true, about: 'its 95 % t interval on logs' },
] as const);
export type OverheadRatio = Row<typeof ratioTable>;

/**
 * `word-frequency.csv` has the time that the workload takes on documents of several sizes, one after the
 * other.
 */
export const taskTable = table([
  { name: 'document_bytes', type: 'number', about: 'size of each document, bytes' },
  { name: 'task_us', type: 'number', about: 'time a document, microseconds' },
] as const);
export type TaskTime = Row<typeof taskTable>;

/**
 * `metg.csv` has one row per strategy and efficiency; the time of a number of steps is the median over all
 * trials.
 */
export const metgTable = table(
  [
    ...cell,
    { name: 'efficiency', type: 'number', about: 'that is kept: 0.5 or 0.8' },
    {
      name: 'kind',
      type: 'text',
      about: '`found`; `below`: less than anything swept; `refused`: the reason is in `reason`',
    },
    { name: 'reason', type: 'text', empty: true, about: 'why nothing can be said' },
    {
      name: 'metg_us',
      type: 'number',
      empty: true,
      about: 'shortest granularity at which that efficiency is kept, microseconds',
    },
    {
      name: 'metg_us_lower',
      type: 'number',
      empty: true,
      about: 'its 95 % bootstrap interval over rounds; empty below the sweep',
    },
    {
      name: 'metg_us_upper',
      type: 'number',
      empty: true,
      about: 'its 95 % bootstrap interval over rounds; empty above the sweep',
    },
    {
      name: 'word_frequency_bytes',
      type: 'number',
      empty: true,
      about: 'size of document whose word-frequency takes as long as the task then does',
    },
  ] as const,
  [
    { is: { kind: 'found' }, known: ['metg_us'], empty: ['reason'] },
    { is: { kind: 'below' }, known: ['metg_us_upper'], empty: ['reason', 'metg_us'] },
    { is: { kind: 'refused' }, known: ['reason'], empty: ['metg_us', 'metg_us_upper'] },
  ],
);
export type MetgRow = Row<typeof metgTable>;
