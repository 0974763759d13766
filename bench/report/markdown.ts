import { groupBy } from '../stats/group-by.js';
import type { Environment } from '../tables/environment.js';
import type { HintRow } from '../tables/situation-columns.js';
import type { Findings } from '../verdict/findings.js';
import { adviceByWorkload, adviceTable, hasAdvice } from '../words/advice.js';
import { arrivalLegend, arrivalTable, limitLegend, limitTable } from '../words/arrivals.js';
import { brokerPriceSentences } from '../words/broker-price.js';
import { busyLine } from '../words/busy.js';
import { fusedByWorkload } from '../words/fused.js';
import { limitSentences } from '../words/limit.js';
import { notMeasuredSentences } from '../words/not-measured.js';
import { sourceSentence } from '../words/source.js';
import type { TextTable } from '../words/text-table.js';
import { counted, megabytes } from '../words/units.js';
import { faultSentence, matrixTable } from './faults.js';
import type { Figure } from './figure.js';
import { overviewLegend, overviewTable, situationWords } from './tables.js';

/** A pull request has room for less than 60 lines in all. The page has the rest. */
const ample = { workloads: 5, warnings: 4, places: 6, strategies: 14 };
/** The fault matrix takes 16 lines, which leaves less room for the rest. */
const tight = { workloads: 3, warnings: 2, places: 4, strategies: 6 };

/**
 * `report.md`: the conclusion first, then what to use where, every strategy in one table, and how to repeat
 * it.
 */
export function markdownReport(found: Findings, figures: readonly Pick<Figure, 'chart'>[]): string {
  const { environment, conclusions, situations, hints } = found;
  const pictures = figures.map(({ chart }) => `[${chart.name}](plots/${chart.name}.svg)`);
  const most = found.faults.length === 0 ? ample : tight;
  const said = adviceByWorkload(conclusions).map((sentences) => `- ${sentences.map(safe).join(' ')}`);
  const warnings = hints
    .filter(({ level }) => level === 'warning')
    .map((hint) => `- **${hint.id}**: ${safe(hint.text)}`);
  return [
    `# forkwise run ${safe(environment.run_id)}`,
    busyLine(conclusions) ?? '',
    said.length === 0 ? 'No trial was valid: nothing is shown.' : adviceTableText(found, most.places),
    lines(said, most.workloads, 'workloads'),
    fusedByWorkload(conclusions).map(safe).join(' '),
    brokerPriceSentences(conclusions).map(safe).join(' '),
    limitSentences(conclusions).map(safe).join(' '),
    faultSentence(found.faults) ?? '',
    lines(warnings, most.warnings, 'warnings'),
    situations.length === 0 ? '' : situationTable(found, most.places),
    strategyTable(found, most.strategies),
    found.arrivals.length === 0
      ? ''
      : `${shortened(arrivalTable(found.arrivals, found.strategies))}\n\n${arrivalLegend(found.arrivals)}`,
    found.limits.length === 0
      ? ''
      : `${shortened(limitTable(found.limits, found.strategies))}\n\n${limitLegend}`,
    found.faults.length === 0 ? '' : markdownTable(matrixTable(found.faults)),
    ['[The whole report](report.html)', ...pictures].join(' · '),
    notMeasuredSentences(environment, { ...found, measured: found.trials })
      .map(safe)
      .join(' '),
    sourceSentence(environment) ?? '',
    notes(hints),
    `${environmentLine(environment)}. Repeat it: \`${environment.command}\``,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

function adviceTableText({ conclusions }: Findings, most: number): string {
  if (!hasAdvice(conclusions)) return '';
  const table = adviceTable(conclusions);
  const rows = table.groups.flat();
  const more = rows.length > most ? `\n\n… and ${rows.length - most} more in the report` : '';
  return `${markdownTable({ ...table, groups: [rows.slice(0, most)] })}${more}`;
}

/** A table of open loops with at most this many rows. */
function shortened(table: TextTable, most = 8): string {
  const rows = table.groups.flat();
  const more = rows.length > most ? `\n\n… and ${rows.length - most} more in the report` : '';
  return `${markdownTable({ ...table, groups: [rows.slice(0, most)] })}${more}`;
}

function lines(items: readonly string[], most: number, what: string): string {
  const more = items.length > most ? [`- … and ${items.length - most} more ${what} in the report`] : [];
  return [...items.slice(0, most), ...more].join('\n');
}

/** Makes a table with a row per workload and corpus and a column per situation. */
function situationTable({ situations, strategies }: Findings, most: number): string {
  const names = [...new Set(situations.map(({ situation }) => situation))];
  const places = [...groupBy(situations, ({ workload, corpus }) => `${workload} ${corpus}`)];
  const rows = places.slice(0, most).map(([place, rows]) => [
    place,
    ...names.map((name) =>
      situationWords(
        rows.find(({ situation }) => situation === name),
        strategies,
      ),
    ),
  ]);
  const table = markdownTable({ header: ['', ...names], numbersFrom: names.length + 1, groups: [rows] });
  return places.length > most ? `${table}\n\n… and ${places.length - most} more in the report` : table;
}

function strategyTable({ conclusions }: Findings, most: number): string {
  const table = overviewTable(conclusions);
  const rows = table.groups.flat();
  if (rows.every(([, ...gains]) => gains.every((gain) => gain === ''))) return '';
  const more = rows.length > most ? ` ${rows.length - most} more strategies are in the report.` : '';
  return `${overviewLegend}${more}\n\n${markdownTable({ ...table, groups: [rows.slice(0, most)] })}`;
}

function notes(hints: readonly HintRow[]): string {
  const ids = hints.filter(({ level }) => level === 'note').map(({ id }) => id);
  return ids.length === 0 ? '' : `Hints: ${[...new Set(ids)].join(', ')}`;
}

/** Escapes names of users, so that Markdown does not take them for markup. */
function safe(text: string): string {
  return text.replaceAll(/[<>[\]*_|\\]/g, (sign) => `\\${sign}`).replaceAll(/\s+/g, ' ');
}

export function environmentLine({ node, machine, cores, seed }: Environment): string {
  return [
    `Node ${node.version}`,
    machine.cpu_model ?? 'unknown CPU',
    counted(cores.effective, 'effective core'),
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
      .map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll(/\s+/g, ' '))
      .join(' | ')} |`;
  return [
    line(header),
    line(header.map((_, column) => (column < numbersFrom ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}
