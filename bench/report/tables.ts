import type { SummaryRow } from '../tables/columns.js';
import { bySeries, seriesName } from '../tables/series.js';
import type { SituationRow } from '../tables/situation-columns.js';
import type { Conclusion } from '../verdict/conclude.js';
import { number, ratio } from '../words/units.js';

/** A table as text cells, for the console and for Markdown. Numbers are aligned right from column `numbersFrom` on. */
export interface TextTable {
  readonly header: readonly string[];
  readonly numbersFrom: number;
  /** Groups are set apart by a rule where the output can. */
  readonly groups: readonly (readonly (readonly string[])[])[];
}

/** Every strategy at its best worker count, a group a corpus; the choice is marked `→`, what ties with the fastest `=`. */
export function bestTable(conclusions: readonly Conclusion[]): TextTable {
  return {
    header: [
      '',
      'documents',
      'strategy',
      'workers',
      'documents/s',
      '× sequential',
      '95 % interval',
      'CPU ms/doc',
      'cores busy',
      'memory, MB',
      'p99 ms',
    ],
    numbersFrom: 3,
    groups: conclusions.map(({ corpus, atBest, choice, tied, claims }) =>
      atBest.map((row) => [
        claims === 'nothing' ? '' : row === choice ? '→' : tied.includes(row) ? '=' : '',
        corpus,
        seriesName(row, atBest),
        row.strategy === 'sequential' ? '' : String(row.workers),
        optional(row.documents_per_second, number),
        row.strategy === 'sequential' ? 'baseline' : optional(row.speedup, ratio),
        interval(row),
        optional(row.cpu_ms_per_document, number),
        optional(row.cpu_percent, (percent) => (percent / 100).toFixed(2)),
        optional(row.memory_peak_bytes ?? row.rss_peak_bytes, (bytes) => number(bytes / 1e6)),
        optional(row.latency_p99_ms, number),
      ]),
    ),
  };
}

/** A row a strategy, a column a workload and corpus: how many times sequential, and at how many workers. */
export function overviewTable(conclusions: readonly Conclusion[]): TextTable {
  const names = [
    ...new Set(conclusions.flatMap(({ atBest }) => bySeries(atBest).map(({ strategy }) => strategy))),
  ];
  return {
    header: ['strategy', ...conclusions.map(({ workload, corpus }) => `${workload} ${corpus}`)],
    numbersFrom: 1,
    groups: [
      names.map((name) => [
        `\`${name}\``,
        ...conclusions.map(({ atBest, choice }) => {
          const row = atBest.find((row) => seriesName(row, atBest) === name);
          if (row === undefined || row.speedup === null) return '';
          const words = name === 'sequential' ? ratio(row.speedup) : `${ratio(row.speedup)} (${row.workers})`;
          return row === choice ? `**${words}**` : words;
        }),
      ]),
    ],
  };
}

/** "queue × 2, 1.71×", empty where none qualifies. */
export function situationWords(row: SituationRow | undefined): string {
  if (row === undefined || row.strategy === null) return '';
  const workers = row.strategy === 'sequential' ? '' : ` × ${row.workers}`;
  return `${row.strategy}${workers}${row.speedup === null ? '' : `, ${ratio(row.speedup)}`}`;
}

export const bestTableLegend =
  '→ suggested: the simplest that this run cannot tell from the fastest; = not told from the fastest.\n' +
  'Each strategy stands at its fastest worker count, the suggested one at the suggested count.\n' +
  'Memory counts pages that processes share once.';

function interval({ strategy, speedup_low, speedup_high }: SummaryRow): string {
  if (strategy === 'sequential' || speedup_low === null || speedup_high === null) return '';
  return `${speedup_low.toFixed(2)}–${speedup_high.toFixed(2)}`;
}

function optional(value: number | null, print: (value: number) => string): string {
  return value === null ? '' : print(value);
}
