import { perWorkerColumn, sourceColumn } from './cell.js';
import { type Row, table } from './table.js';

/**
 * The table `responsiveness.csv`, with one row per measurement. It says how long a server in the
 * caller's own process takes to answer while a strategy is at work.
 */
export const responsivenessTable = table([
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  { name: 'corpus', type: 'text', about: 'corpus that the strategy works on' },
  { ...sourceColumn, about: 'its source, as in `trials.csv`' },
  { name: 'strategy', type: 'text', about: 'the strategy at work' },
  { name: 'workers', type: 'number', about: 'number of its workers' },
  { name: 'delivery', type: 'text', about: 'how documents reach a worker' },
  perWorkerColumn,
  {
    name: 'pings',
    type: 'number',
    about:
      'number of HTTP requests; another process sends one every few milliseconds, even if the one ' +
      'before has no answer yet',
  },
  {
    name: 'ping_p50_ms',
    type: 'number',
    about: 'time from when a request was due until its answer, median, milliseconds',
  },
  { name: 'ping_p99_ms', type: 'number', about: 'likewise, 99th percentile' },
  { name: 'ping_max_ms', type: 'number', about: 'likewise, longest time' },
  { name: 'documents_per_second', type: 'number', about: 'rate of the strategy meanwhile' },
] as const);

export type ResponsivenessRow = Row<typeof responsivenessTable>;
