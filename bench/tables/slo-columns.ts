import { cellColumns } from './cell.js';
import { type Row, table } from './table.js';

/** The table `slo.csv` has the highest rate of arrivals at which a configuration keeps a limit. */
export const sloTable = table([
  { name: 'run_id', type: 'text', about: 'name of the run, and of its folder' },
  ...cellColumns,
  { name: 'pattern', type: 'text', about: '`poisson` or `constant` arrivals' },
  { name: 'limit', type: 'text', about: 'limit on the latency, such as `p99<200ms`' },
  { name: 'closed_loop_per_second', type: 'number', about: 'closed-loop rate of the configuration' },
  {
    name: 'knee_per_second',
    type: 'number',
    empty: true,
    about:
      'rate at which just the allowed share of documents misses the limit, fitted to all probes; ' +
      'empty: the limit was not kept at any rate, or broken at none',
  },
  { name: 'knee_low', type: 'number', empty: true, about: 'lower end of its 95 % interval' },
  { name: 'knee_high', type: 'number', empty: true, about: 'upper end of its 95 % interval' },
  {
    name: 'confirmed_per_second',
    type: 'number',
    empty: true,
    about: 'rate that three fresh schedules confirmed with 99 % confidence; empty: they did not',
  },
  {
    name: 'broken_per_second',
    type: 'number',
    empty: true,
    about: 'lowest probed rate that broke the limit',
  },
  { name: 'probes', type: 'number', about: 'rates that were measured' },
  {
    name: 'void_probes',
    type: 'number',
    about: 'probes that count although they were disturbed, because there was no time to measure them again',
  },
  { name: 'seconds', type: 'number', about: 'time that the search took' },
]);

export type SloRow = Row<typeof sloTable>;
