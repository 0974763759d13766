import { type Column, type Row, table } from './table.js';

const place = [
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  { name: 'corpus', type: 'text', about: 'corpus' },
  { name: 'document_bytes', type: 'number', about: 'mean size of a document, bytes' },
] as const satisfies readonly Column[];

/** `winners.csv`: one row a workload, corpus and number of workers: what to use where no other number can be had. */
export const winnerTable = table([
  ...place,
  { name: 'workers', type: 'number', about: 'workers; `sequential` competes at every number' },
  { name: 'strategy', type: 'text', about: 'the choice, by the rule that every command follows' },
  { name: 'delivery', type: 'text', about: 'its delivery' },
  { name: 'documents_per_second', type: 'number', about: 'its rate, geometric mean over rounds' },
  {
    name: 'speedup',
    type: 'number',
    empty: true,
    about: 'against `sequential`; empty where that was not measured',
  },
  {
    name: 'tied',
    type: 'text',
    empty: true,
    about: 'other strategies that are not shown to be slower, separated by spaces',
  },
] as const);

/** `crossovers.csv`: one row a workload, strategy, delivery and number of workers: from which document size on it gains. */
export const crossoverTable = table([
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  { name: 'strategy', type: 'text', about: 'strategy' },
  { name: 'delivery', type: 'text', about: 'its delivery' },
  { name: 'workers', type: 'number', about: 'its workers' },
  {
    name: 'kind',
    type: 'text',
    about:
      '`within` the measured sizes; `everywhere`: faster than `sequential` by 3 % at least at all of them; `nowhere`: not even at the largest; `unknown`: the reason is in `reason`',
  },
  { name: 'bytes', type: 'number', empty: true, about: 'size from which on it is, bytes; `within` only' },
  {
    name: 'bytes_low',
    type: 'number',
    empty: true,
    about: 'lower end of its 95 % bootstrap interval; empty below the measured sizes',
  },
  { name: 'bytes_high', type: 'number', empty: true, about: 'upper end; empty above the measured sizes' },
  { name: 'bytes_smallest', type: 'number', empty: true, about: 'smallest measured size' },
  { name: 'bytes_largest', type: 'number', empty: true, about: 'largest measured size' },
  { name: 'reason', type: 'text', empty: true, about: 'why nothing can be said' },
  {
    name: 'shown_from_bytes',
    type: 'number',
    empty: true,
    about:
      'smallest measured size from which on the calibrated intervals lie beyond a gain of 3 %, at it and at every larger size; empty where they do at none',
  },
  {
    name: 'shown_until_bytes',
    type: 'number',
    empty: true,
    about:
      'largest measured size at which the calibrated interval lies below a gain of 3 %; between the two nothing is shown',
  },
] as const);

/** `situations.csv`: one row a workload, corpus and situation: what to use where something beside throughput counts. */
export const situationTable = table([
  ...place,
  {
    name: 'situation',
    type: 'text',
    about:
      '`throughput`: the suggestion; `latency`: the shortest p99 of those with 80 % of the highest rate at least; `beside a server`: the fastest that leaves the caller’s event loop idle half of the time at least; `little memory`: the least memory of those with 80 % of the highest rate; `isolation`: the fastest whose workers are processes',
  },
  {
    name: 'strategy',
    type: 'text',
    empty: true,
    about: 'the choice among the cells that qualify; empty where none does',
  },
  { name: 'delivery', type: 'text', empty: true, about: 'its delivery' },
  { name: 'workers', type: 'number', empty: true, about: 'its workers' },
  {
    name: 'documents_per_second',
    type: 'number',
    empty: true,
    about: 'its rate, geometric mean over rounds',
  },
  { name: 'speedup', type: 'number', empty: true, about: 'against `sequential`' },
  { name: 'latency_p99_ms', type: 'number', empty: true, about: 'its p99 latency' },
  {
    name: 'event_loop_utilization',
    type: 'number',
    empty: true,
    about: 'share of time in which it keeps the caller’s event loop busy',
  },
  {
    name: 'memory_bytes',
    type: 'number',
    empty: true,
    about: 'its peak memory: memory_peak_bytes, or rss_peak_bytes where that is unknown',
  },
  {
    name: 'ruled_out',
    type: 'text',
    empty: true,
    about: 'strategies without a cell that qualifies, separated by spaces',
  },
  { name: 'reason', type: 'text', empty: true, about: 'why' },
] as const);

/** `hints.csv`: what a reader must know, or may do better, one row a hint. */
export const hintTable = table([
  { name: 'id', type: 'text', about: 'stable name of the hint' },
  { name: 'level', type: 'text', about: '`warning`: the figures need care; `note`: good to know' },
  { name: 'text', type: 'text', about: 'what was seen' },
  { name: 'remedy', type: 'text', about: 'what to do' },
] as const);

export type SituationRow = Row<typeof situationTable>;
export type HintRow = Row<typeof hintTable>;
export type WinnerRow = Row<typeof winnerTable>;
export type CrossoverRow = Row<typeof crossoverTable>;
