import Table from 'cli-table3';
import type { Colors } from 'picocolors/types.js';
import { groupBy } from '../stats/group-by.js';
import type { Findings } from '../verdict/findings.js';
import { sentences } from '../verdict/sentences.js';
import { bestTable, bestTableLegend, type TextTable } from './tables.js';

export type { TextTable } from './tables.js';

/** A run's end as a person reads it in a terminal: one table a workload, then what it comes to. */
export function consoleReport(
  { conclusions, situations }: Pick<Findings, 'conclusions' | 'situations'>,
  colors: Colors,
): string {
  const parts = [...groupBy(conclusions, ({ workload }) => workload).entries()].map(([workload, members]) => {
    const said = sentences(members, situations).map((sentence) =>
      sentence.replaceAll(/`([^`]+)`/g, (_, name: string) => colors.bold(name)),
    );
    return `${colors.bold(workload)}\n${renderTable(bestTable(members), colors)}\n${said.join('\n')}\n`;
  });
  return `${parts.join('\n')}\n${colors.dim(bestTableLegend)}\n`;
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
