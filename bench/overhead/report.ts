import { environmentLine, markdownTable } from '../report/markdown.js';
import type { Environment } from '../tables/environment.js';
import { number, size } from '../words/units.js';
import type { MetgRow, OverheadRatio, OverheadSummary } from './columns.js';
import { metgBytes } from './plan.js';

export interface OverheadResults {
  readonly environment: Environment;
  readonly summaries: readonly OverheadSummary[];
  readonly ratios: readonly OverheadRatio[];
  readonly metg: readonly MetgRow[];
}

/** The table shows results with this number of workers. */
const shownWorkers = 2;

/**
 * Prints the dispatch benchmark as Markdown: how far our strategies are ahead of rivals, what each costs, its
 * distance from the limit, and how to repeat it.
 * @param folder of the results, as links name it
 */
export function overheadReport(results: OverheadResults, folder: string): string {
  const { environment, summaries, metg } = results;
  return [
    ...rivalPart(results),
    `µs per document beyond its task with ${shownWorkers} workers, each strategy at its best configuration:`,
    markdownTable(table(summaries, metg)),
    ...limitPart(summaries),
    ...pictures(summaries).map(([text, name]) => `![${text}](${folder}/plots/${name}.svg)`),
    `<sub>${environmentLine(environment)} · ${versions(environment)} · ` +
      `${environment.started_at.slice(0, 10)} · \`${environment.command}\` · ` +
      `95 % intervals in [overhead-summary.csv](${folder}/overhead-summary.csv)</sub>`,
  ].join('\n\n');
}

/** Tabulates how many times as much the best rival pool costs as each of our strategies, at every size. */
function rivalPart({ ratios, metg, summaries }: OverheadResults): string[] {
  const shown = ratios.filter(({ workers }) => workers === shownWorkers);
  const kept = shown.filter(({ documents }) => documents === 'kept');
  if (kept.length === 0) return [];
  const sizes = [...new Set(kept.map(({ document_bytes }) => document_bytes))].sort((a, b) => a - b);
  const largest = sizes.at(-1);
  const at = (rows: readonly OverheadRatio[], name: string, bytes: number | undefined) =>
    ratioText(rows.find(({ strategy, document_bytes }) => strategy === name && document_bytes === bytes));
  const taken = shown.filter(({ documents }) => documents === 'transferred');
  const rows = [...new Set(kept.map(({ strategy }) => strategy))].map((name) => [
    `\`${name}\``,
    ...sizes.map((bytes) => at(kept, name, bytes)),
    at(taken, name, largest),
    finer(name, metg, summaries),
  ]);
  const header = [
    '',
    ...sizes.map(size),
    `${size(largest ?? 0)}, taken away`,
    `METG 50 % at ${size(metgBytes)}`,
  ];
  return [
    'What the best rival pool costs ÷ what our strategy costs: ratio, 95 % interval, and rival. ' +
      'It isolates tasks in the same way, and is given the same. Above 1, ours costs less. ' +
      '*Taken away*: the best rival that takes documents from their caller. ' +
      '*METG*: the shortest task that the best rival can afford ÷ that of ours:',
    markdownTable({ header, numbersFrom: 1, groups: [rows] }),
  ];
}

function ratioText(row: OverheadRatio | undefined): string {
  if (row === undefined) return '';
  const { ratio, ratio_lower: low, ratio_upper: high, rival } = row;
  const interval = low === null || high === null ? '' : ` [${number(low)}–${number(high)}]`;
  return `${number(ratio)}${interval} ${rival}`;
}

/** Compares METG(50 %) with that of the best rival pool of the same isolation. */
function finer(name: string, metg: readonly MetgRow[], summaries: readonly OverheadSummary[]): string {
  const kindOf = (strategy: string) => summaries.find((summary) => summary.strategy === strategy);
  const at50 = metg.flatMap(({ efficiency, metg_us, ...row }) =>
    efficiency === 0.5 && metg_us !== null ? [{ ...row, metg_us }] : [],
  );
  const mine = at50.find(({ strategy }) => strategy === name);
  const rivals = at50.filter(
    ({ strategy }) =>
      kindOf(strategy)?.role === 'pool' && kindOf(strategy)?.isolation === kindOf(name)?.isolation,
  );
  if (mine === undefined || rivals.length === 0) return '';
  const best = rivals.reduce((a, b) => (b.metg_us < a.metg_us ? b : a));
  return `${number(best.metg_us / mine.metg_us)} ${best.strategy}`;
}

function table(summaries: readonly OverheadSummary[], metg: readonly MetgRow[]) {
  const shown = summaries.filter(
    ({ workers, isolation }) => workers === shownWorkers || isolation === 'none',
  );
  const sizes = [...new Set(shown.map(({ document_bytes }) => document_bytes))].sort((a, b) => a - b);
  const names = [...new Set(shown.map(({ strategy }) => strategy))];
  const metgOf = (name: string, e: number) =>
    metg.find(({ strategy, efficiency }) => strategy === name && efficiency === e);
  return {
    header: [
      'strategy',
      ...sizes.map(size),
      'METG 50 % at 10 KB, µs',
      'METG 80 %, µs',
      '`word-frequency` at 80 %',
    ],
    numbersFrom: 1,
    groups: [
      names.map((name) => [
        `\`${name}\``,
        ...sizes.map((bytes) =>
          cell(shown.find(({ strategy, document_bytes }) => strategy === name && document_bytes === bytes)),
        ),
        granularity(metgOf(name, 0.5)),
        granularity(metgOf(name, 0.8)),
        documentSize(metgOf(name, 0.8)),
      ]),
    ],
  };
}

/** Tabulates how far each strategy is from its limit; nothing where no copy was timed. */
function limitPart(summaries: readonly OverheadSummary[]): string[] {
  const shown = summaries.flatMap(({ copies, ...row }) =>
    copies === null || row.limit_us === null || row.workers !== shownWorkers ? [] : [{ ...row, copies }],
  );
  if (shown.length === 0) return [];
  const sizes = [...new Set(shown.map(({ document_bytes }) => document_bytes))].sort((a, b) => a - b);
  const counts = [...new Set(shown.map(({ copies }) => copies))].sort((a, b) => a - b);
  const at = (rows: typeof shown, bytes: number) =>
    rows.find(({ document_bytes }) => document_bytes === bytes);
  const limits = counts.map((count) => {
    const rows = shown.filter(({ copies }) => copies === count);
    const name = count === 0 ? 'limit without a copy, µs' : `limit with ${copiesText(count)}, µs`;
    return [name, ...sizes.map((bytes) => optional(at(rows, bytes)?.limit_us, number))];
  });
  const names = [...new Set(shown.map(({ strategy }) => strategy))];
  const multiples = names.map((name) => {
    const rows = shown.filter(({ strategy }) => strategy === name);
    const of = `\`${name}\`, ${copiesText(rows[0]?.copies ?? 0)}`;
    return [of, ...sizes.map((bytes) => optional(at(rows, bytes)?.of_limit, times))];
  });
  const header = ['', ...sizes.map(size)];
  return [
    `× the limit with ${shownWorkers} workers. The limit is the copies that a document needs, each ` +
      'at the time of one copy on one thread in this run, plus 1 µs. Copies on several cores overlap, ' +
      'and an empty document may need less than 1 µs, so that a value may be below 1:',
    markdownTable({ header, numbersFrom: 1, groups: [[...limits, ...multiples]] }),
  ];
}

function copiesText(copies: number): string {
  return copies === 1 ? '1 copy' : `${copies === 0 ? 'no' : copies} copies`;
}

function optional(value: number | null | undefined, print: (value: number) => string): string {
  return value == null ? '' : print(value);
}

/** The charts that a run has, each with what it shows. */
function pictures(summaries: readonly OverheadSummary[]): [text: string, name: string][] {
  const has = (suffix: RegExp) => summaries.some(({ strategy }) => suffix.test(strategy));
  const all: [boolean, string, string][] = [
    [has(/^[^(]+$/), 'Overhead against document size', 'overhead'],
    [has(/^[^(]+$/), 'Efficiency against granularity', 'granularity'],
    [has(/ \(by /), 'Overhead of documents by reference against their size', 'overhead-references'],
    [has(/ \((runner|batches)/), 'Overhead through createRunner against document size', 'overhead-runner'],
  ];
  return all.flatMap(([is, text, name]) => (is ? [[text, name]] : []));
}

function cell(summary: OverheadSummary | undefined): string {
  return summary === undefined ? '' : number(summary.overhead_us);
}

function granularity(row: MetgRow | undefined): string {
  if (row?.kind === 'found') return number(row.metg_us);
  return row?.kind === 'below' ? `≤ ${number(row.metg_us_upper)}` : '';
}

function documentSize(row: MetgRow | undefined): string {
  return row?.word_frequency_bytes == null ? '' : size(row.word_frequency_bytes);
}

function times(ratio: number): string {
  return `${number(ratio)} ×`;
}

function versions({ libraries }: Environment): string {
  return Object.entries(libraries)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}
