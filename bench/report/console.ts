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
import { listed } from '../words/units.js';
import { fitted, gap, rowsAsLines, shownColumns } from './fit-table.js';
import { bestTable, bestTableLegend } from './tables.js';

/**
 * A run as a person reads it in a terminal. The advice comes last, where the eye is when a command ends;
 * above it is a table of every strategy for each workload. A busy machine is named in the first line.
 * @param columns of the terminal; absent: any width will do
 */
export function consoleReport(
  {
    conclusions,
    arrivals,
    limits,
    strategies,
  }: Pick<Findings, 'conclusions' | 'arrivals' | 'limits' | 'strategies'>,
  colors: Colors,
  columns?: number,
): string {
  const table = (of: TextTable) => renderTable(of, colors, columns);
  const workloads = [...groupBy(conclusions, ({ workload }) => workload)];
  const busy = busyLine(conclusions);
  const marked = (sentence: string) =>
    sentence.replaceAll(/`([^`]+)`/g, (_, name: string) => colors.bold(name));
  return [
    ...(busy === null ? [] : [colors.yellow(busy), '']),
    ...workloads.flatMap(([workload, members]) => [colors.bold(workload), table(bestTable(members)), '']),
    colors.dim(bestTableLegend(conclusions)),
    '',
    ...(arrivals.length === 0
      ? []
      : [table(arrivalTable(arrivals, strategies)), colors.dim(arrivalLegend(arrivals)), '']),
    ...(limits.length === 0 ? [] : [table(limitTable(limits, strategies)), colors.dim(limitLegend), '']),
    ...(hasAdvice(conclusions) ? [table(adviceTable(conclusions))] : []),
    ...workloads.flatMap(([, members]) => adviceSentences(members).map(marked)),
    ...fusedByWorkload(conclusions).map(marked),
    ...brokerPriceSentences(conclusions).map(marked),
    ...limitSentences(conclusions).map(marked),
    ...(hasAdvice(conclusions) ? [colors.dim(adviceLegend(conclusions))] : []),
    '',
  ].join('\n');
}

/** @param columns of the terminal, whose lines no table exceeds; absent: any width will do */
export function renderTable(whole: TextTable, colors: Colors, columns?: number): string {
  const { table: fitting, without } = fitted(whole, columns);
  if (fitting === null) return rowsAsLines(whole, colors.bold);
  const { header, numbersFrom, groups } = fitting;
  const shown = shownColumns(fitting);
  const visible = (cells: readonly string[]) => shown.map((column) => cells[column] ?? '');
  const table = new Table({
    head: visible(header).map((name) => colors.bold(name)),
    colAligns: visible(header.map((_, column) => (column < numbersFrom ? 'left' : 'right'))) as (
      | 'left'
      | 'right'
    )[],
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': gap },
    chars: frameless,
  });
  for (const [i, group] of groups.entries()) {
    if (i > 0) table.push(visible(header).map(() => ''));
    for (const row of group)
      table.push(visible(row).map((cell) => (row[0] === '→' ? colors.green(cell) : cell)));
  }
  const left =
    without.length === 0
      ? ''
      : `\n${colors.dim(`not shown, because the terminal is too narrow: ${listed(without)}`)}`;
  return `${table.toString()}${left}`;
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
