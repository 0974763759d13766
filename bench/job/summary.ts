import { duration, listed, number } from '../words/units.js';
import type { NotOk, Status } from './output.js';

/** What has become of a job. */
export interface Summary {
  readonly out: string;
  readonly strategy: string;
  readonly workers: number;
  /** That are to be processed in all. */
  readonly documents: number;
  /** That had their lines before. */
  readonly earlier: number;
  /** Of all lines. */
  readonly counts: Readonly<Record<Status, number>>;
  readonly notOk: readonly NotOk[];
  readonly elapsedMs: number;
  /** Whether every document has its line. */
  readonly complete: boolean;
}

/** So many are listed by name. */
const mostNamed = 20;

export function summaryText({
  out,
  strategy,
  workers,
  documents,
  earlier,
  counts,
  notOk,
  elapsedMs,
  complete,
}: Summary): string {
  const lines = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const words = Object.entries(counts)
    .filter(([status, count]) => count > 0 || status === 'ok')
    .map(([status, count]) => `${whole(count)} ${status}`);
  const here = lines - earlier;
  const rate =
    here === 0
      ? ''
      : ` · ${whole(here)} in ${elapsedMs < 1e3 ? `${Math.round(elapsedMs)} ms` : duration(elapsedMs)}, ${number(here / (elapsedMs / 1e3))}/s`;
  const head = `${complete ? '' : `${whole(lines)} of `}${whole(documents)} documents: ${listed(words)} · ${strategy} × ${workers}${rate} · ${out}`;
  const named = notOk
    .slice(0, mostNamed)
    .map(({ id, status, error }) => `  ${id}: ${status}: ${firstLine(error)}`);
  const more = notOk.length - named.length;
  if (more > 0) named.push(`  and ${whole(more)} more: every line of "${out}" whose status is not ok`);
  return `${[head, ...named].join('\n')}\n`;
}

export function summaryData(summary: Summary) {
  const { elapsedMs, counts, earlier, ...rest } = summary;
  const lines = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    ...rest,
    ...counts,
    earlier,
    elapsedMs,
    documentsPerSecond: lines === earlier ? null : (lines - earlier) / (elapsedMs / 1e3),
  };
}

function whole(count: number): string {
  return count.toLocaleString('en-US');
}

function firstLine({ name, message }: NotOk['error']): string {
  return `${name}: ${message}`.split('\n', 1)[0]?.slice(0, 200) as string;
}
