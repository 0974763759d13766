import { groupBy } from '../group-by.js';
import type { TrialRow } from '../results/columns.js';
import type { Environment } from '../results/environment.js';
import { megabytes, number } from '../units.js';
import type { Findings } from '../verdict/findings.js';
import { sentences } from '../verdict/sentences.js';
import { bestTable, bestTableLegend, type TextTable } from './tables.js';
import { warnings } from './warnings.js';

/** `report.md`: the conclusion first, then the tables, the charts, and how to repeat it. */
export function markdownReport({ environment, trials, conclusions, complete }: Findings, charts: readonly ChartLink[]): string {
  const failures = trials.filter(({ status }) => status === 'failed').map(describeTrial);
  const voided = trials.filter(({ status }) => status === 'void').map(describeTrial);
  const byWorkload = [...groupBy(conclusions, ({ workload }) => workload).entries()];
  return [
    `# forkwise run ${environment.run_id}`,
    complete ? '' : '> This run was interrupted: it holds what was measured until then.',
    ...byWorkload.map(([, members]) => `> ${sentences(members).join(' ')}`),
    ...warnings(trials).map((warning) => `**${warning}**`),
    ...byWorkload.map(([workload, members]) => `## ${workload}\n\n${markdownTable(bestTable(members))}`),
    byWorkload.length === 0 ? 'No trial was valid: nothing can be said.' : bestTableLegend,
    section('Trials that failed', failures),
    section('Trials that were void, and measured again', voided),
    `## Charts\n\n${charts.map(({ name, question }) => `- [${question}](plots/${name}.svg)`).join('\n')}`,
    `## Environment\n\n${environmentLine(environment)}\n\nRepeat it: \`${environment.command}\``,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

interface ChartLink {
  readonly name: string;
  readonly question: string;
}

function section(title: string, items: readonly string[]): string {
  return items.length === 0 ? '' : `## ${title}\n\n${items.map((item) => `- ${item}`).join('\n')}`;
}

function describeTrial({ round, workload, corpus, strategy, workers, reason }: TrialRow): string {
  return `round ${round}, ${workload} ${corpus} ${strategy} × ${workers}: ${reason ?? 'no reason recorded'}`;
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
