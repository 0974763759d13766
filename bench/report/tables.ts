import { bySeries, seriesName } from '../tables/series.js';
import type { SituationRow } from '../tables/situation-columns.js';
import type { RatedSummary } from '../tables/summary-columns.js';
import type { Conclusion } from '../verdict/conclude.js';
import { configurationName, isBaseline, type Traits } from '../verdict/configurations.js';
import { intervalText, shortNamer } from '../words/configuration.js';
import { ofLimitText } from '../words/limit.js';
import type { TextTable } from '../words/text-table.js';
import { number, ratio } from '../words/units.js';

/**
 * Tabulates every strategy at its best number of workers, a group per corpus, each with its relation to the
 * suggestion.
 */
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
      'of the limit',
      'CPU ms/doc',
      'cores busy',
      'memory, MB',
      'p99 ms',
    ],
    numbersFrom: 3,
    spare: ['of the limit', 'cores busy', 'CPU ms/doc', '95 % interval', 'p99 ms', 'memory, MB'],
    groups: conclusions.map((conclusion) => conclusion.atBest.map((row) => bestRow(row, conclusion))),
  };
}

export function bestTableLegend(conclusions: readonly Conclusion[]): string {
  const suggests = conclusions.some(({ claims }) => claims !== 'nothing');
  const isMarked = (sign: string) =>
    conclusions.some((conclusion) => conclusion.atBest.some((row) => mark(row, conclusion) === sign));
  return [
    ...(suggests ? ['→ suggested; = shown to be as good; ~ not told apart from the suggestion.'] : []),
    ...(isMarked(shownFaster)
      ? ['+ shown to be faster than the suggestion, which was decided in the run.']
      : []),
    ...(isMarked(notForUse)
      ? ['- not for use: more computing workers than cores, a machine limit, or doubtful results.']
      : []),
    suggests
      ? 'Each strategy is shown at its fastest number of workers, the suggested one at the suggested number.'
      : 'Each strategy is shown at its fastest number of workers.',
    ...(conclusions.some(({ ofLimit }) => ofLimit.size > 0)
      ? ['Of the limit: rate ÷ rate of the machine limit with as many workers.']
      : []),
    'Memory counts pages that processes share once.',
  ].join('\n');
}

function bestRow(row: RatedSummary, conclusion: Conclusion): string[] {
  const { corpus, atBest, strategies } = conclusion;
  const baseline = isBaseline(strategies, row);
  const ofLimit = conclusion.ofLimit.get(configurationName(row));
  const gain = conclusion.gains.get(configurationName(row));
  return [
    mark(row, conclusion),
    corpus,
    seriesName(row, atBest),
    baseline ? '' : String(row.workers),
    number(row.documents_per_second),
    baseline ? 'baseline' : optional(row.speedup, ratio),
    baseline || gain === undefined ? '' : intervalText(gain),
    ofLimit === undefined ? '' : ofLimitText(ofLimit),
    optional(row.cpu_ms_per_document, number),
    optional(row.cpu_percent, (percent) => (percent / 100).toFixed(2)),
    optional(row.memory_peak_bytes ?? row.rss_peak_bytes, (bytes) => number(bytes / 1e6)),
    optional(row.latency_p99_ms, number),
  ];
}

/** Marks what the rule does not choose from, so that a high rate without a mark does not look overlooked. */
const notForUse = '-';
const shownFaster = '+';

function mark(row: RatedSummary, { claims, choice, relations }: Conclusion): string {
  if (claims === 'nothing') return '';
  if (row === choice) return '→';
  const relation = relations.get(configurationName(row));
  if (relation === undefined) return notForUse;
  if (relation === 'as good') return '=';
  return relation === 'not told apart' ? '~' : relation === 'faster' ? shownFaster : '';
}

/** Has a row per strategy and a column per workload and corpus: the gain at the best number of workers. */
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
        ...conclusions.map(({ atBest, choice, strategies }) => {
          const row = atBest.find((row) => seriesName(row, atBest) === name);
          if (row === undefined || row.speedup === null) return '';
          const words = isBaseline(strategies, row)
            ? ratio(row.speedup)
            : `${ratio(row.speedup)} (${row.workers})`;
          return row === choice ? `**${words}**` : words;
        }),
      ]),
    ],
  };
}

export const overviewLegend =
  '× sequential at the best number of workers, which is in brackets; bold: suggested.';

/** "queue × 2, 1.71×"; empty where no configuration qualifies. */
export function situationWords(row: SituationRow | undefined, strategies: readonly Traits[]): string {
  if (row === undefined || row.strategy === null || row.delivery === null || row.workers === null) return '';
  const { strategy, delivery, workers, per_worker, speedup } = row;
  const name = shortNamer(strategies)({ strategy, delivery, workers, per_worker });
  return speedup === null ? name : `${name}, ${ratio(speedup)}`;
}

function optional(value: number | null, print: (value: number) => string): string {
  return value === null ? '' : print(value);
}
