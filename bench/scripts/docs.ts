import { readFileSync } from 'node:fs';
import { rows as findingRows } from '../check/findings/index.js';
import { program } from '../cli/command-line.js';
import { allTraits } from '../cli/publish.js';
import { jobFileSchema } from '../config/schema.js';
import {
  copyTable,
  granularityTable,
  metgTable,
  overheadSummaryTable,
  overheadTable,
  ratioTable,
  taskTable,
} from '../overhead/columns.js';
import { overheadReport } from '../overhead/report.js';
import { adviceTable, promiseTable, regretTable } from '../regret/columns.js';
import { regretInWords } from '../regret/report.js';
import { faultLegend, faultSentence, matrixTable } from '../report/faults.js';
import { environmentLine, markdownTable } from '../report/markdown.js';
import { overviewTable } from '../report/tables.js';
import { arrivalTable } from '../tables/arrival-columns.js';
import { arrivalSummaryTable } from '../tables/arrival-summary.js';
import { comparisonTable } from '../tables/comparison-columns.js';
import { decode } from '../tables/csv.js';
import type { Environment } from '../tables/environment.js';
import { faultTable } from '../tables/fault-columns.js';
import { responsivenessTable } from '../tables/responsiveness-columns.js';
import { projectionTable, scalingTable } from '../tables/scaling-columns.js';
import { crossoverTable, hintTable, situationTable, winnerTable } from '../tables/situation-columns.js';
import { sloTable } from '../tables/slo-columns.js';
import { stageTable } from '../tables/stage-columns.js';
import { summaryTable } from '../tables/summary-columns.js';
import type { Table } from '../tables/table.js';
import { trialTable } from '../tables/trial-columns.js';
import { findings } from '../verdict/findings.js';
import { hintNames } from '../verdict/hints/hint.js';
import { adviceByWorkload } from '../words/advice.js';

/**
 * `npm run docs` writes the generated parts of the documentation. Each is between two comments that name
 * it, such as `<!-- faults: npm run docs -->` and `<!-- /faults -->`.
 */

const root = new URL('../../../', import.meta.url);

/**
 * Returns a file of the repository with its generated parts up to date. @throws Error if a marker is
 * missing
 */
export async function generated(path: string): Promise<string> {
  const parts = await documents[path]?.();
  let text = readFileSync(new URL(path, root), 'utf8');
  for (const [name, part] of Object.entries(parts ?? {})) {
    const between = new RegExp(`(<!-- ${name}: [^]*?-->\n)[^]*?(<!-- /${name} -->)`);
    if (!between.test(text)) throw new Error(`expected markers "${name}" in ${path}`);
    text = text.replace(between, (_, open: string, close: string) => `${open}\n${part}\n\n${close}`);
  }
  return text;
}

/** Lists the files with generated parts. A new part needs a line here, and its two comments in the file. */
export const documents: Record<string, () => Promise<Record<string, string>>> = {
  'README.md': async () => ({ reference: await reference() }),
  'docs/check.md': async () => ({ findings: findingTable() }),
  'docs/choosing.md': async () => ({ regret: regretPart() }),
  'docs/survival.md': async () => ({ faults: faultsPart() }),
  'docs/overhead.md': async () => ({ overhead: overheadPart() }),
  'results/README.md': async () => ({
    trials: columnTable(trialTable),
    summary: columnTable(summaryTable),
    comparisons: columnTable(comparisonTable),
    scaling: columnTable(scalingTable),
    projections: columnTable(projectionTable),
    winners: columnTable(winnerTable),
    crossovers: columnTable(crossoverTable),
    situations: columnTable(situationTable),
    hints: columnTable(hintTable),
    faults: columnTable(faultTable),
    responsiveness: columnTable(responsivenessTable),
    stages: columnTable(stageTable),
    arrivals: columnTable(arrivalTable),
    'arrival-summary': columnTable(arrivalSummaryTable),
    slo: columnTable(sloTable),
    regret: columnTable(regretTable),
    advice: columnTable(adviceTable),
    promises: columnTable(promiseTable),
    'hint-names': [
      '| hint | when |',
      '| --- | --- |',
      ...Object.entries(hintNames).map(([id, when]) => `| \`${id}\` | ${when} |`),
    ].join('\n'),
    overhead: columnTable(overheadTable),
    'overhead-summary': columnTable(overheadSummaryTable),
    'overhead-ratios': columnTable(ratioTable),
    copies: columnTable(copyTable),
    granularity: columnTable(granularityTable),
    'word-frequency': columnTable(taskTable),
    metg: columnTable(metgTable),
  }),
};

/** Lists the files that are generated as a whole. */
export const files: Record<string, () => string> = {
  'docs/job-file.schema.json': () => `${JSON.stringify(jobFileSchema(program.commands), null, 2)}\n`,
};

/**
 * Describes the published run in `results/reference`: its chart, its strategies side by side, and its
 * result.
 */
async function reference(): Promise<string> {
  const folder = new URL('results/reference/', root);
  const environment = JSON.parse(readFileSync(new URL('environment.json', folder), 'utf8')) as Environment;
  const trials = decode(trialTable, readFileSync(new URL('trials.csv', folder), 'utf8'));
  const { conclusions } = findings(trials, { environment, strategies: await allTraits() });
  return [
    '![Speed-up over sequential against workers, by workload and document size]' +
      '(results/reference/plots/speedup.svg)',
    'Speed-up over `sequential`, each strategy at its best number of workers (in brackets):',
    markdownTable(overviewTable(conclusions)),
    ...adviceByWorkload(conclusions).map((said) => `> ${said.join(' ')}`),
    `<sub>${origin(environment)} · [report](results/reference/report.md)</sub>`,
  ].join('\n\n');
}

/** Describes how well `pick` chose, from `results/regret`. */
function regretPart(): string {
  const read = (name: string) => readFileSync(new URL(`results/regret/${name}`, root), 'utf8');
  return regretInWords({
    regret: decode(regretTable, read('regret.csv')),
    promises: decode(promiseTable, read('promises.csv')),
    folder: '../results/regret',
  });
}

/** Describes the published fault matrix in `results/faults`. */
function faultsPart(): string {
  const folder = new URL('results/faults/', root);
  const rows = decode(faultTable, readFileSync(new URL('faults.csv', folder), 'utf8'));
  const environment = JSON.parse(readFileSync(new URL('environment.json', folder), 'utf8')) as Environment;
  return [
    `> ${faultSentence(rows)}`,
    markdownTable(matrixTable(rows)),
    `<sub>${faultLegend} ${origin(environment)} · ` +
      'delays, recovery and what was left: [faults.csv](../results/faults/faults.csv)</sub>',
  ].join('\n\n');
}

/** Describes the published run of the dispatch benchmark in `results/overhead`. */
function overheadPart(): string {
  const folder = new URL('results/overhead/', root);
  const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
  return overheadReport(
    {
      environment: JSON.parse(read('environment.json')) as Environment,
      summaries: decode(overheadSummaryTable, read('overhead-summary.csv')),
      ratios: decode(ratioTable, read('overhead-ratios.csv')),
      metg: decode(metgTable, read('metg.csv')),
    },
    '../results/overhead',
  );
}

/** Names the machine, the day and the command of a published run. */
function origin(environment: Environment): string {
  const { started_at, command } = environment;
  return `${environmentLine(environment)} · ${started_at.slice(0, 10)} · \`${command}\``;
}

/** Lists everything that `forkwise check` can find. */
function findingTable(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const lines = findingRows.map(
    ({ id, level, when, remedy }) => `| \`${id}\` | ${level} | ${cell(when)} | ${cell(remedy)} |`,
  );
  return ['| finding | level | when | what to do |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

function columnTable({ columns }: Table): string {
  const lines = columns.map(({ name, about }) => `| \`${name}\` | ${about.replaceAll('|', '\\|')} |`);
  return ['| column | meaning |', '| --- | --- |', ...lines].join('\n');
}
