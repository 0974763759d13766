import { groupBy } from '../stats/group-by.js';
import { seriesName } from '../tables/series.js';
import { familyOf, isBaseline } from '../verdict/configurations.js';
import { type Findings, usableMemory } from '../verdict/findings.js';
import { corpusInWords } from '../words/source.js';
import type { TextTable } from '../words/text-table.js';
import { megabytes, number, ratio } from '../words/units.js';
import { markdownTable } from './markdown.js';

/**
 * Runs of several machines, or versions of Node, next to each other. Their rates are not compared: `forkwise
 * compare` tests those of one machine.
 */
export interface SideBySide {
  /** Describes what each run was measured on. */
  readonly runs: TextTable;
  /** Has a row per workload, corpus and strategy, and a column per run. */
  readonly cells: TextTable;
  readonly legend: string;
  readonly data: unknown;
}

const legend =
  'documents/s and × sequential, each strategy at its best number of workers (in brackets); ' +
  '→ suggested by that run.';

export function sideBySide(found: readonly Findings[]): SideBySide {
  const letters = found.map((_, i) => letter(i));
  return {
    runs: {
      header: ['', 'run', 'Node', 'CPU', 'cores', 'memory', 'system', 'profile'],
      numbersFrom: 8,
      spare: ['profile', 'system', 'CPU'],
      groups: [
        found.map(({ environment }, i) => {
          const { node, machine, cores, profile, run_id } = environment;
          return [
            letters[i] as string,
            run_id,
            node.version,
            machine.cpu_model ?? '',
            number(cores.effective),
            megabytes(usableMemory(environment)),
            machine.os ?? '',
            profile,
          ];
        }),
      ],
    },
    cells: {
      header: ['workload', 'documents', 'strategy', ...letters],
      numbersFrom: 3,
      groups: groupsOf(found),
    },
    legend,
    data: found.map(({ environment, conclusions }) => ({
      run_id: environment.run_id,
      node: environment.node.version,
      cpu_model: environment.machine.cpu_model,
      effective_cores: environment.cores.effective,
      conclusions: conclusions.map(({ workload, corpus, source, choice, atBest, confidence }) => ({
        workload,
        corpus,
        source,
        choice,
        confidence,
        atBest,
      })),
    })),
  };
}

export function sideBySideMarkdown({ runs, cells, legend }: SideBySide): string {
  return `${[markdownTable(runs), markdownTable(cells), legend].join('\n\n')}\n`;
}

/** One group a workload and corpus that any run has, in the order of the first that has it. */
function groupsOf(found: readonly Findings[]): string[][][] {
  const places = groupBy(
    found.flatMap(({ conclusions }) => conclusions),
    familyOf,
  );
  return [...places].map(([place, conclusions]) => {
    const names = [
      ...new Set(conclusions.flatMap(({ atBest }) => atBest.map((row) => seriesName(row, atBest)))),
    ];
    const [first] = conclusions;
    return names.map((name) => [
      first?.workload ?? '',
      first === undefined ? '' : corpusInWords(first),
      name,
      ...found.map((run) => {
        const conclusion = run.conclusions.find((one) => familyOf(one) === place);
        const row = conclusion?.atBest.find((row) => seriesName(row, conclusion.atBest) === name);
        if (conclusion === undefined || row === undefined) return '';
        const workers = isBaseline(run.strategies, row) ? '' : ` (${row.workers})`;
        const speedup = row.speedup === null ? '' : ` ${ratio(row.speedup)}`;
        const mark = row === conclusion.choice ? '→ ' : '';
        return `${mark}${number(row.documents_per_second)}${speedup}${workers}`;
      }),
    ]);
  });
}

/** Names runs: A, B, …, Z, AA, … */
function letter(index: number): string {
  const rest = Math.floor(index / 26);
  return (rest > 0 ? letter(rest - 1) : '') + String.fromCharCode(65 + (index % 26));
}
