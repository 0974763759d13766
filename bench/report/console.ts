import Table from 'cli-table3';
import type { Colors } from 'picocolors/types.js';
import { groupBy } from '../stats/group-by.js';
import type { Findings } from '../verdict/findings.js';
import { adviceLegend, adviceSentences, adviceTable, hasAdvice } from '../words/advice.js';
import { arrivalLegend, arrivalTable, limitLegend, limitTable } from '../words/arrivals.js';
import { brokerPriceSentences } from '../words/broker-price.js';
import { busyLine } from '../words/busy.js';
import { fusedByWorkload } from '../words/fused.js';
import { limitSentences } from '../words/limit.js';
import type { TextTable } from '../words/text-table.js';
import { bestTable, bestTableLegend } from './tables.js';

/**
 * A run as a person reads it in a terminal. The advice comes last, where the eye is when a command ends;
 * above it is a table of every strategy for each workload. A busy machine is named in the first line.
 */
export function consoleReport(
  {
    conclusions,
    arrivals,
    limits,
    strategies,
  }: Pick<Findings, 'conclusions' | 'arrivals' | 'limits' | 'strategies'>,
  colors: Colors,
): string {
  const workloads = [...groupBy(conclusions, ({ workload }) => workload)];
  const busy = busyLine(conclusions);
  const marked = (sentence: string) =>
    sentence.replaceAll(/`([^`]+)`/g, (_, name: string) => colors.bold(name));
  return [
    ...(busy === null ? [] : [colors.yellow(busy), '']),
    ...workloads.flatMap(([workload, members]) => [
      colors.bold(workload),
      renderTable(bestTable(members), colors),
      '',
    ]),
    colors.dim(bestTableLegend(conclusions)),
    '',
    ...(arrivals.length === 0
      ? []
      : [renderTable(arrivalTable(arrivals, strategies), colors), colors.dim(arrivalLegend(arrivals)), '']),
    ...(limits.length === 0
      ? []
      : [renderTable(limitTable(limits, strategies), colors), colors.dim(limitLegend), '']),
    ...(hasAdvice(conclusions) ? [renderTable(adviceTable(conclusions), colors)] : []),
    ...workloads.flatMap(([, members]) => adviceSentences(members).map(marked)),
    ...fusedByWorkload(conclusions).map(marked),
    ...brokerPriceSentences(conclusions).map(marked),
    ...limitSentences(conclusions).map(marked),
    ...(hasAdvice(conclusions) ? [colors.dim(adviceLegend(conclusions))] : []),
    '',
  ].join('\n');
}

export function renderTable({ header, numbersFrom, groups }: TextTable, colors: Colors): string {
  const shown = header.map((_, column) => groups.flat().some((row) => row[column] !== ''));
  const visible = (cells: readonly string[]) => cells.filter((_, column) => shown[column]);
  const table = new Table({
    head: visible(header).map((name) => colors.bold(name)),
    colAligns: visible(header.map((_, column) => (column < numbersFrom ? 'left' : 'right'))) as (
      | 'left'
      | 'right'
    )[],
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: frameless,
  });
  for (const [i, group] of groups.entries()) {
    if (i > 0) table.push(visible(header).map(() => ''));
    for (const row of group)
      table.push(visible(row).map((cell) => (row[0] === '→' ? colors.green(cell) : cell)));
  }
  return table.toString();
}

const edges = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
  'middle',
];
const frameless = Object.fromEntries(edges.map((edge) => [edge, '']));
