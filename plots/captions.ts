import type { SummaryRow } from '../bench/tables/columns.js';
import { listed, number } from '../bench/words/units.js';

/** What captions are made of: the same rows as the picture, in words. */

export type Value = (row: SummaryRow) => number | null;

/** One clause a workload, behind what holds for all: "word-frequency: …; llm-extract: …". Null where no workload has anything to say. */
export function byWorkload(
  summaries: readonly SummaryRow[],
  clause: (rows: readonly SummaryRow[]) => string | null,
  before = '',
): string | null {
  const workloads = [...new Set(summaries.map(({ workload }) => workload))];
  const clauses = workloads.flatMap((workload) => {
    const said = clause(summaries.filter((row) => row.workload === workload));
    return said === null ? [] : [workloads.length > 1 ? `${workload}: ${said}` : said];
  });
  return clauses.length === 0 ? null : before + clauses.join('; ');
}

/** The row with the highest value, null where none has one. */
export function highest(rows: readonly SummaryRow[], value: Value): SummaryRow | null {
  const known = rows.filter((row) => value(row) !== null);
  return known.reduce<SummaryRow | null>(
    (best, row) => (best === null || (value(row) as number) > (value(best) as number) ? row : best),
    null,
  );
}

export function lowest(rows: readonly SummaryRow[], value: Value): SummaryRow | null {
  return highest(rows, (row) => {
    const known = value(row);
    return known === null ? null : -known;
  });
}

/** "partitioned × 2", "sequential". */
export function cellName({ strategy, workers }: Pick<SummaryRow, 'strategy' | 'workers'>): string {
  return strategy === 'sequential' ? strategy : `${strategy} × ${workers}`;
}

/** What is said of every corpus, those of which the same is said together: "partitioned × 2 at 10KB and 100KB, queue × 2 at 500KB". */
export function byCorpus(
  rows: readonly SummaryRow[],
  words: (rows: readonly SummaryRow[]) => string | null,
): string | null {
  const corpora = [
    ...new Set([...rows].sort((a, b) => a.document_bytes - b.document_bytes).map(({ corpus }) => corpus)),
  ];
  const said = new Map<string, string[]>();
  for (const corpus of corpora) {
    const text = words(rows.filter((row) => row.corpus === corpus));
    if (text !== null) said.set(text, [...(said.get(text) ?? []), corpus]);
  }
  if (said.size === 0) return null;
  return [...said]
    .map(([text, where]) =>
      corpora.length === 1
        ? text
        : `${text} at ${where.length === corpora.length ? 'every size' : listed(where)}`,
    )
    .join(', ');
}

/** Of the smallest documents, where what a strategy adds shows most: "at 1KB from 0.2 ms (queue × 2) to 0.9 ms (async × 4)". */
export function spanAtSmallest(rows: readonly SummaryRow[], value: Value, unit: string): string | null {
  const known = rows.filter((row) => value(row) !== null).sort((a, b) => a.document_bytes - b.document_bytes);
  const cells = known.filter(({ corpus }) => corpus === known[0]?.corpus);
  const [least, most] = [lowest(cells, value), highest(cells, value)];
  if (least === null || most === null) return null;
  const words = (row: SummaryRow) => `${number(value(row) as number)} ${unit} (${cellName(row)})`;
  return `at ${least.corpus} from ${words(least)} to ${words(most)}`;
}
