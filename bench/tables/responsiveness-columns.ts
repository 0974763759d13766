import { type Row, table } from './table.js';

/** `responsiveness.csv`: how long a server in the caller's own process takes to answer while a strategy is at work; one row a measurement. */
export const responsivenessTable = table([
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  { name: 'corpus', type: 'text', about: 'its documents' },
  { name: 'strategy', type: 'text', about: 'the strategy at work' },
  { name: 'workers', type: 'number', about: 'its workers' },
  { name: 'delivery', type: 'text', about: 'how documents reach a worker' },
  {
    name: 'pings',
    type: 'number',
    about:
      'HTTP requests, sent every few milliseconds from another process whether or not the one before was answered',
  },
  {
    name: 'ping_p50_ms',
    type: 'number',
    about: 'from the moment a request was due until its answer, median, milliseconds',
  },
  { name: 'ping_p99_ms', type: 'number', about: 'likewise, 99th percentile' },
  { name: 'ping_max_ms', type: 'number', about: 'likewise, the longest' },
  { name: 'documents_per_second', type: 'number', about: 'what the strategy did meanwhile' },
] as const);

export type ResponsivenessRow = Row<typeof responsivenessTable>;
