import { perWorkerColumn, rttColumn, sourceColumn } from './cell.js';
import { type Column, type Row, table, together } from './table.js';

const place = [
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  { name: 'corpus', type: 'text', about: 'corpus' },
  { ...sourceColumn, about: 'its source, as in `trials.csv`' },
  { name: 'document_bytes', type: 'number', about: 'mean size of a document, bytes' },
] as const satisfies readonly Column[];

/**
 * The table `winners.csv`, with one row per workload, corpus and number of workers. A row says what
 * to use if the number of workers is fixed.
 */
export const winnerTable = table([
  ...place,
  { name: 'workers', type: 'number', about: 'number of workers; `sequential` competes at every number' },
  { name: 'strategy', type: 'text', about: 'chosen strategy, by the rule that every command follows' },
  { name: 'delivery', type: 'text', about: 'its delivery' },
  rttColumn,
  { ...perWorkerColumn, about: 'its workers run this many documents at the same time; empty for one' },
  { name: 'documents_per_second', type: 'number', about: 'its rate, geometric mean over rounds' },
  {
    name: 'speedup',
    type: 'number',
    empty: true,
    about: 'speed-up over `sequential`; empty where that was not measured',
  },
  {
    name: 'tied',
    type: 'text',
    empty: true,
    about: 'other strategies that are not shown to be slower, separated by spaces',
  },
] as const);

/** These columns are empty where nothing begins to gain inside the measured sizes. */
const gain = ['bytes', 'bytes_low', 'bytes_high'] as const;

/**
 * The table `crossovers.csv`, with one row per workload, strategy, delivery and number of workers. A row
 * says from which document size on the configuration gains.
 */
export const crossoverTable = table(
  [
    { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
    { name: 'strategy', type: 'text', about: 'strategy' },
    { name: 'delivery', type: 'text', about: 'its delivery' },
    { name: 'workers', type: 'number', about: 'its workers' },
    {
      name: 'kind',
      type: 'text',
      about:
        '`within`: it begins to gain inside the measured sizes; `everywhere`: it is faster than ' +
        '`sequential` by at least 3 % at all of them; `nowhere`: not by that much even at the largest; ' +
        '`unknown`: the reason is in `reason`',
    },
    {
      name: 'bytes',
      type: 'number',
      empty: true,
      about: 'document size from which on it gains, bytes; `within` only',
    },
    {
      name: 'bytes_low',
      type: 'number',
      empty: true,
      about: 'lower end of the 95 % bootstrap interval; empty if it is below the measured sizes',
    },
    {
      name: 'bytes_high',
      type: 'number',
      empty: true,
      about: 'upper end; empty if it is above the measured sizes',
    },
    { name: 'bytes_smallest', type: 'number', empty: true, about: 'smallest measured size' },
    { name: 'bytes_largest', type: 'number', empty: true, about: 'largest measured size' },
    { name: 'reason', type: 'text', empty: true, about: 'why nothing can be said' },
    {
      name: 'shown_from_bytes',
      type: 'number',
      empty: true,
      about:
        'smallest measured size at which the calibrated interval is above a gain of 3 %, as it is at ' +
        'every larger size; empty if there is none',
    },
    {
      name: 'shown_until_bytes',
      type: 'number',
      empty: true,
      about:
        'largest measured size at which the calibrated interval is below a gain of 3 %; between the ' +
        'two sizes nothing is shown',
    },
  ] as const,
  together('bytes_smallest', 'bytes_largest'),
  [
    { is: { kind: 'within' }, known: ['bytes'], empty: ['reason'] },
    { is: { kind: 'everywhere' }, empty: [...gain, 'reason'] },
    { is: { kind: 'nowhere' }, empty: [...gain, 'reason'] },
    { is: { kind: 'unknown' }, known: ['reason'], empty: gain },
  ],
);

/**
 * The table `situations.csv`, with one row per workload, corpus and situation. A row says what to use if
 * something else than throughput counts, too.
 */
export const situationTable = table(
  [
    ...place,
    {
      name: 'situation',
      type: 'text',
      about:
        '`throughput`: the suggestion; `latency`: the shortest p99 latency among cells with at least ' +
        '80 % of the highest rate; `beside a server`: the fastest cell that leaves the caller’s event ' +
        'loop idle for at least half of the time; `little memory`: the least memory among cells with ' +
        'at least 80 % of the highest rate; `isolation`: the fastest cell whose workers are processes',
    },
    {
      name: 'strategy',
      type: 'text',
      empty: true,
      about: 'chosen strategy, among the cells that qualify; empty where none does',
    },
    { name: 'delivery', type: 'text', empty: true, about: 'its delivery' },
    { name: 'workers', type: 'number', empty: true, about: 'its workers' },
    { ...perWorkerColumn, about: 'its workers run this many documents at the same time; empty for one' },
    {
      name: 'documents_per_second',
      type: 'number',
      empty: true,
      about: 'its rate, geometric mean over rounds',
    },
    { name: 'speedup', type: 'number', empty: true, about: 'speed-up over `sequential`' },
    { name: 'latency_p99_ms', type: 'number', empty: true, about: 'its p99 latency' },
    {
      name: 'event_loop_utilization',
      type: 'number',
      empty: true,
      about: 'share of time in which the caller’s event loop is busy, 0 to 1',
    },
    {
      name: 'memory_bytes',
      type: 'number',
      empty: true,
      about: 'its peak memory: memory_peak_bytes, or rss_peak_bytes if that is unknown',
    },
    {
      name: 'ruled_out',
      type: 'text',
      empty: true,
      about: 'strategies that have no cell that qualifies, separated by spaces',
    },
    { name: 'reason', type: 'text', empty: true, about: 'why the other strategies are ruled out' },
  ] as const,
  [
    { known: ['strategy', 'delivery', 'workers', 'documents_per_second'] },
    {
      empty: [
        'strategy',
        'delivery',
        'workers',
        'documents_per_second',
        'speedup',
        'latency_p99_ms',
        'event_loop_utilization',
        'memory_bytes',
      ],
    },
  ],
  together('ruled_out', 'reason'),
);

/** The table `hints.csv`, with one row per hint: what a reader must know, or could do better. */
export const hintTable = table([
  { name: 'id', type: 'text', about: 'stable name of the hint' },
  { name: 'level', type: 'text', about: '`warning`: the figures need care; `note`: good to know' },
  { name: 'text', type: 'text', about: 'what was observed' },
  { name: 'remedy', type: 'text', about: 'what to do' },
] as const);

export type SituationRow = Row<typeof situationTable>;
export type HintRow = Row<typeof hintTable>;
export type WinnerRow = Row<typeof winnerTable>;
export type CrossoverRow = Row<typeof crossoverTable>;
