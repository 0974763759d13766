import { groupBy } from '../group-by.js';
import type { Environment } from '../measure/environment.js';
import { megabytes, number } from '../units.js';
import type { Conclusion } from '../verdict/conclude.js';
import { sentences } from '../verdict/sentences.js';
import { bestTable, bestTableLegend, type TextTable } from './tables.js';

export interface MarkdownReport {
  readonly environment: Environment;
  readonly conclusions: readonly Conclusion[];
  readonly charts: readonly { readonly name: string; readonly question: string }[];
  /** Trials that are not ok, and why. */
  readonly failures: readonly string[];
  readonly complete: boolean;
}

/** `report.md`: the conclusion first, then the tables, the charts, and how to repeat it. */
export function markdownReport({ environment, conclusions, charts, failures, complete }: MarkdownReport): string {
  const byWorkload = [...groupBy(conclusions, ({ workload }) => workload).entries()];
  return [
    `# forkwise run ${environment.run_id}`,
    complete ? '' : '> This run was interrupted: it holds what was measured until then.',
    ...byWorkload.map(([, members]) => `> ${sentences(members).join(' ')}`),
    ...byWorkload.map(([workload, members]) => `## ${workload}\n\n${markdownTable(bestTable(members))}`),
    bestTableLegend,
    failures.length === 0 ? '' : `## Trials that failed\n\n${failures.map((failure) => `- ${failure}`).join('\n')}`,
    `## Charts\n\n${charts.map(({ name, question }) => `- [${question}](plots/${name}.svg)`).join('\n')}`,
    `## Environment\n\n${environmentLine(environment)}\n\nRepeat it: \`${environment.command}\``,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

export function environmentLine({ node, machine, cores, seed }: Environment): string {
  return [
    `Node ${node.version}`,
    machine.cpu_model ?? 'unknown CPU',
    `${number(cores.effective)} effective ${cores.effective === 1 ? 'core' : 'cores'}`,
    `${megabytes(machine.memory_bytes)} memory`,
    machine.os ?? process.platform,
    `seed ${seed}`,
  ].join(' · ');
}

export function markdownTable({ header, numbersFrom, groups }: TextTable): string {
  const rows = groups.flat();
  const shown = header.map((_, column) => rows.some((row) => row[column] !== ''));
  const line = (cells: readonly string[]) =>
    `| ${cells
      .filter((_, column) => shown[column])
      .map((cell) => cell.replaceAll('|', '\\|'))
      .join(' | ')} |`;
  return [line(header), line(header.map((_, column) => (column < numbersFrom ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
