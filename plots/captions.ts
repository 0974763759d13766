import type { SummaryRow } from '../bench/tables/summary-columns.js';
import { listed, number } from '../bench/words/units.js';
import type { ChartData } from './chart.js';
import { corporaBySize, unique } from './picture.js';

/** Captions are made from the same rows as the picture, and only from them. */

export type Value = (row: SummaryRow) => number | null;

/** A row together with a value that is known for it. */
export interface Valued {
  readonly row: SummaryRow;
  readonly value: number;
}

/**
 * Joins one clause per workload: "word-frequency: …; llm-extract: …". A single workload is not named.
 * The result is null when no workload has a clause.
 *
 * @param before is written once, before all clauses
 */
export function byWorkload(
  summaries: readonly SummaryRow[],
  clause: (rows: readonly SummaryRow[]) => string | null,
  before = '',
): string | null {
  const workloads = unique(summaries.map(({ workload }) => workload));
  const clauses = workloads.flatMap((workload) => {
    const text = clause(summaries.filter((row) => row.workload === workload));
    return text === null ? [] : [workloads.length > 1 ? `${workload}: ${text}` : text];
  });
  return clauses.length === 0 ? null : before + clauses.join('; ');
}

/** The row with the highest value. Null when no row has a value. */
export function highest(rows: readonly SummaryRow[], value: Value): Valued | null {
  return extreme(rows, value, (a, b) => a > b);
}

/** The row with the lowest value. Null when no row has a value. */
export function lowest(rows: readonly SummaryRow[], value: Value): Valued | null {
  return extreme(rows, value, (a, b) => a < b);
}

function extreme(
  rows: readonly SummaryRow[],
  value: Value,
  beats: (a: number, b: number) => boolean,
): Valued | null {
  let best: Valued | null = null;
  for (const row of rows) {
    const known = value(row);
    if (known !== null && (best === null || beats(known, best.value))) best = { row, value: known };
  }
  return best;
}

/**
 * True for work that computes and is faster than its cores allow, by more than its interval where it has one.
 * Its cause is not known, so captions do not claim it.
 */
export function isBeyondCores(
  { kind, workers, speedup, speedup_low }: SummaryRow,
  { effectiveCores }: Pick<ChartData, 'effectiveCores'>,
): boolean {
  return kind === 'cpu' && (speedup_low ?? speedup ?? 0) > Math.min(workers, effectiveCores);
}

/** Names a configuration: "partitioned × 2". The baseline has no number of workers. */
export function configurationName(
  { strategy, workers }: Pick<SummaryRow, 'strategy' | 'workers'>,
  { baseline }: Pick<ChartData, 'baseline'>,
): string {
  return strategy === baseline ? strategy : `${strategy} × ${workers}`;
}

/**
 * Joins what is said per corpus, and says it once where it is the same: "partitioned × 2 at 10KB and 100KB".
 */
export function byCorpus(
  rows: readonly SummaryRow[],
  words: (rows: readonly SummaryRow[]) => string | null,
): string | null {
  const corpora = corporaBySize(rows);
  const texts = new Map<string, string[]>();
  for (const corpus of corpora) {
    const text = words(rows.filter((row) => row.corpus === corpus));
    if (text !== null) texts.set(text, [...(texts.get(text) ?? []), corpus]);
  }
  if (texts.size === 0) return null;
  return [...texts]
    .map(([text, where]) => {
      if (corpora.length === 1) return text;
      return `${text} at ${where.length === corpora.length ? 'every size' : listed(where)}`;
    })
    .join(', ');
}

/**
 * The range of a value over the smallest documents, which show best what a strategy adds:
 * "at 1KB from 0.2 ms (queue × 2) to 0.9 ms (async × 4)".
 */
export function spanAtSmallest(
  { rows, value, unit }: { rows: readonly SummaryRow[]; value: Value; unit: string },
  data: Pick<ChartData, 'baseline'>,
): string | null {
  const known = rows.filter((row) => value(row) !== null);
  const [smallest] = corporaBySize(known);
  const cells = known.filter(({ corpus }) => corpus === smallest);
  const [low, high] = [lowest(cells, value), highest(cells, value)];
  if (low === null || high === null) return null;
  const words = ({ row, value }: Valued) => `${number(value)} ${unit} (${configurationName(row, data)})`;
  const span = low.row === high.row ? words(low) : `from ${words(low)} to ${words(high)}`;
  return `at ${smallest} ${span}`;
}
