import { groupBy } from '../stats/group-by.js';
import type { ArrivalRow } from '../tables/arrival-columns.js';
import type { ArrivalSummaryRow } from '../tables/arrival-summary.js';
import { rowName } from '../tables/series.js';
import type { SloRow } from '../tables/slo-columns.js';
import type { Traits } from '../verdict/configurations.js';
import { shortNamer } from './configuration.js';
import type { TextTable } from './text-table.js';
import { number } from './units.js';

/** What a run says about open loops, in the console and in the report. */

/** The p99 of every configuration at every rate, ms. */
export function arrivalTable(
  arrivals: readonly ArrivalSummaryRow[],
  strategies: readonly Traits[],
): TextTable {
  const name = shortNamer(strategies, arrivals);
  const asked = [...new Set(arrivals.map((row) => row.asked))];
  const places = groupBy(arrivals, ({ workload, corpus }) => `${workload} ${corpus}`);
  const groups = [...places].map(([place, rows]) => {
    const configurations = groupBy(rows, name);
    return [
      [place, 'documents/s', ...asked.map((rate) => rateText(rows.find((row) => row.asked === rate)))],
      ...[...configurations].map(([configuration, own]) => [
        '',
        configuration,
        ...asked.map((rate) => latencyText(own.find((row) => row.asked === rate))),
      ]),
    ];
  });
  return { header: ['documents', 'strategy', ...asked], numbersFrom: 2, groups };
}

/** Explains the table, and says what measuring it cost. */
export function arrivalLegend(arrivals: readonly ArrivalSummaryRow[]): string {
  const share = Math.max(...arrivals.map(({ generator_cpu_percent }) => generator_cpu_percent ?? 0));
  return (
    'p99 in ms, from the instant at which a document was due, with the 95 % interval over schedules; ' +
    'percents are of the highest closed-loop rate of these documents; ' +
    `the generator of arrivals took at most ${number(share)} % of a core`
  );
}

function rateText(row: ArrivalSummaryRow | undefined): string {
  return row === undefined ? '' : number(row.offered_per_second);
}

function latencyText(row: ArrivalSummaryRow | undefined): string {
  if (row === undefined) return '';
  const marks = [
    ...(row.falls_behind ? [behindText(row)] : []),
    ...(row.refused_share > 0 ? [`${number(100 * row.refused_share)} % refused`] : []),
    ...(row.failed_share > 0 ? [`${number(100 * row.failed_share)} % failed`] : []),
    ...(row.busy ? ['busy'] : []),
  ];
  const { latency_p99_ms: p99, latency_p99_low_ms: low, latency_p99_high_ms: high } = row;
  const interval = low === null || high === null ? '' : ` (${number(low)}–${number(high)})`;
  const latency = row.falls_behind || p99 === null ? [] : [`${number(p99)}${interval}`];
  return [...latency, ...marks].join(', ');
}

function behindText({ done_per_second: done }: ArrivalSummaryRow): string {
  return done === null ? 'falls behind' : `falls behind (${number(done)}/s done)`;
}

/** The highest rate of every configuration under the limit. */
export function limitTable(limits: readonly SloRow[], strategies: readonly Traits[]): TextTable {
  const name = shortNamer(strategies, limits);
  const places = groupBy(limits, ({ workload, corpus, limit }) => `${workload} ${corpus}, ${limit}`);
  const groups = [...places].map(([place, rows]) =>
    rows.map((row, i) => [
      i === 0 ? place : '',
      `${name(row)}${row.void_probes > 0 ? ` (${row.void_probes} probes disturbed)` : ''}`,
      row.confirmed_per_second === null ? 'none confirmed' : number(row.confirmed_per_second),
      kneeText(row),
      number(row.closed_loop_per_second),
    ]),
  );
  return {
    header: ['documents', 'strategy', 'confirmed /s', 'knee /s', 'full load /s'],
    numbersFrom: 2,
    groups,
  };
}

export const limitLegend =
  'confirmed: three fresh schedules kept the limit with 99 % confidence; knee: the rate at which the limit ' +
  'is just kept, estimated with its 95 % interval';

function kneeText({
  knee_per_second: knee,
  knee_low: low,
  knee_high: high,
  broken_per_second,
}: SloRow): string {
  if (knee !== null && low !== null && high !== null)
    return `${number(knee)} (${number(low)}–${number(high)})`;
  return broken_per_second === null ? 'not reached' : `below ${number(broken_per_second)}`;
}

/** One line for a trial that has ended. */
export function arrivalLine(row: ArrivalRow): string {
  const { workload, corpus, asked, offered_per_second, status, reason } = row;
  const { latency_p99_ms, unserved, generator_cpu_percent: generator } = row;
  const rate = `${number(offered_per_second)}/s (${asked})`;
  const what = `open loop · ${workload} ${corpus} ${rowName(row)} at ${rate}`;
  if (status !== 'ok') return `${what}: ${status}, ${reason}`;
  const p99 = latency_p99_ms === null ? 'p99 unknown' : `p99 ${number(latency_p99_ms)} ms`;
  const result = (unserved ?? 0) > 0 ? 'falls behind' : p99;
  return `${what}: ${result}; generator ${number(generator ?? 0)} % of a core`;
}

/** One line for a search that has ended. */
export function limitLine(row: SloRow): string {
  const { workload, corpus, limit, confirmed_per_second: confirmed } = row;
  const found = confirmed === null ? 'no rate was confirmed' : `${number(confirmed)}/s confirmed`;
  return `${limit} · ${workload} ${corpus} ${rowName(row)}: ${found}, knee ${kneeText(row)}`;
}
