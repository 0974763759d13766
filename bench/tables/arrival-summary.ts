import { geometricInterval, mean } from '../stats/estimate.js';
import { groupBy } from '../stats/group-by.js';
import type { ArrivalRow } from './arrival-columns.js';
import { cellColumns, cellKey, cellOf } from './cell.js';
import { type Row, table } from './table.js';

/** The table `arrival-summary.csv`, with one row per configuration and rate. */
export const arrivalSummaryTable = table([
  ...cellColumns,
  { name: 'pattern', type: 'text', about: '`poisson` or `constant` arrivals' },
  { name: 'asked', type: 'text', about: 'rate as it was asked for: `80%` or `200/s`' },
  { name: 'offered_per_second', type: 'number', about: 'documents that were due per second' },
  { name: 'done_per_second', type: 'number', empty: true, about: 'outcomes per second' },
  { name: 'schedules', type: 'number', about: 'trials that count' },
  {
    name: 'busy',
    type: 'boolean',
    about: 'every trial was disturbed, and the disturbed ones count',
  },
  {
    name: 'falls_behind',
    type: 'boolean',
    about: 'the backlog grew, or documents were not begun: the rate is beyond the capacity',
  },
  { name: 'latency_p50_ms', type: 'number', empty: true, about: 'median, geometric mean over schedules' },
  { name: 'latency_p90_ms', type: 'number', empty: true, about: '90th percentile, likewise' },
  { name: 'latency_p99_ms', type: 'number', empty: true, about: '99th percentile, likewise' },
  {
    name: 'latency_p99_low_ms',
    type: 'number',
    empty: true,
    about: 'lower end of its 95 % interval over schedules',
  },
  { name: 'latency_p99_high_ms', type: 'number', empty: true, about: 'upper end' },
  { name: 'latency_p999_ms', type: 'number', empty: true, about: '99.9th percentile, likewise' },
  { name: 'latency_max_ms', type: 'number', empty: true, about: 'longest latency of all schedules' },
  { name: 'refused_share', type: 'number', about: 'share of the documents that were refused' },
  { name: 'failed_share', type: 'number', about: 'share of the documents that were not ok' },
  {
    name: 'goodput_per_second',
    type: 'number',
    empty: true,
    about: 'documents per second that were ok within the limit',
  },
  {
    name: 'generator_cpu_percent',
    type: 'number',
    empty: true,
    about: 'CPU time of the generator, percent of one core; the highest of all schedules',
  },
]);

export type ArrivalSummaryRow = Row<typeof arrivalSummaryTable>;

/** The backlog of a strategy that keeps up grows by less than this per second, percent of the rate. */
const maxGrowthPercent = 2;
/**
 * Arrivals of n documents scatter by √n, and so does the backlog near full load. In simulations of a server
 * with fixed service times at 0.95 of its capacity, three schedules of 10 s with this factor counted as
 * falling behind in at most 5 of 100 runs, at 20 to 200 documents per second; without it in up to 53. At 1.2
 * times its capacity all runs did.
 */
const scatterFactor = 1.5;

/** Summarises the trials of rates; probes of searches (round 0) are left out. */
export function summariseArrivals(rows: readonly ArrivalRow[]): ArrivalSummaryRow[] {
  const ofRates = rows.filter(({ round, status }) => round > 0 && status !== 'failed');
  const groups = groupBy(ofRates, (row) => JSON.stringify([cellKey(row), row.pattern, row.asked]));
  return [...groups.values()].flatMap((group): ArrivalSummaryRow[] => {
    const ok = group.filter(({ status }) => status === 'ok');
    const counted = ok.length > 0 ? ok : group;
    const [first] = counted;
    if (first === undefined) return [];
    const middle = (value: (row: ArrivalRow) => number | null) => {
      const known = counted.map(value);
      return known.includes(null) ? null : geometricInterval(known as number[]);
    };
    const p99 = middle((row) => row.latency_p99_ms);
    const documents = counted.reduce((sum, row) => sum + row.documents, 0);
    const share = (value: (row: ArrivalRow) => number | null) =>
      counted.reduce((sum, row) => sum + (value(row) ?? 0), 0) / documents;
    const longest = counted.map((row) => row.latency_max_ms);
    return [
      {
        ...cellOf(first),
        pattern: first.pattern,
        asked: first.asked,
        offered_per_second: mean(counted.map((row) => row.offered_per_second)),
        done_per_second: mean(counted.map((row) => row.done_per_second ?? 0)),
        schedules: counted.length,
        busy: ok.length === 0,
        falls_behind: fallsBehind(counted),
        latency_p50_ms: middle((row) => row.latency_p50_ms)?.mean ?? null,
        latency_p90_ms: middle((row) => row.latency_p90_ms)?.mean ?? null,
        latency_p99_ms: p99?.mean ?? null,
        latency_p99_low_ms: p99?.low ?? null,
        latency_p99_high_ms: p99?.high ?? null,
        latency_p999_ms: middle((row) => row.latency_p999_ms)?.mean ?? null,
        latency_max_ms: longest.includes(null) ? null : Math.max(...(longest as number[])),
        refused_share: share((row) => row.refused),
        failed_share: share((row) => row.outcomes_failed),
        goodput_per_second:
          first.goodput_per_second === null ? null : mean(counted.map((row) => row.goodput_per_second ?? 0)),
        generator_cpu_percent: Math.max(...counted.map((row) => row.generator_cpu_percent ?? 0)),
      },
    ];
  });
}

/** True if the rate is beyond the capacity, as far as these trials of one configuration show. */
function fallsBehind(rows: readonly ArrivalRow[]): boolean {
  const documents = rows.reduce((sum, row) => sum + row.documents, 0);
  const growthPercent = mean(rows.map((row) => row.backlog_growth_percent ?? 0));
  const scatterPercent = (100 * scatterFactor) / Math.sqrt(documents);
  return (
    rows.some((row) => (row.unserved ?? 0) > 0) || growthPercent > Math.max(maxGrowthPercent, scatterPercent)
  );
}
