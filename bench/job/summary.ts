import { join } from 'node:path';
import type { AdaptiveStats } from '../../runner/adaptive.js';
import type { CacheStats } from '../../runner/cache-use.js';
import type { LeftOut } from '../../workloads/file-walk.js';
import { rowName } from '../tables/series.js';
import { errorInWords } from '../words/errors.js';
import { counted, duration, listed, number, whole } from '../words/units.js';
import type { NotOk, Status } from './line.js';
import { failedName } from './shards/names.js';

/** How a job ended. */
export interface Summary {
  /** The file, or the folder of shards. */
  readonly out: string;
  /** The folder has this number of shards; absent for a file. */
  readonly shards?: number;
  readonly strategy: string;
  /** Null where agents that are there have chosen their own numbers. */
  readonly workers: number | null;
  /** Documents that a worker runs at the same time; absent: one. */
  readonly perWorker?: number;
  /** The whole job has this number of documents. */
  readonly documents: number;
  /** Documents that had their line before this command. */
  readonly earlier: number;
  /** Documents whose lines were kept although their files have changed. */
  readonly changed: number;
  /** Entries of the folder that are no documents. */
  readonly leftOut: LeftOut;
  /** Lines of the file whose documents no longer exist; the other numbers leave them out. */
  readonly vanished: number;
  /** This number of documents has a line, by status. */
  readonly counts: Readonly<Record<Status, number>>;
  /** This number of the documents that are ok has failed and has the value of the fallback. */
  readonly fallbacks: number;
  readonly notOk: readonly NotOk[];
  /** Workers that were replaced because they were near their limit of memory. */
  readonly workersReplaced: number;
  /** The number of documents at the same time, where it followed the load; absent where it did not. */
  readonly adaptive?: AdaptiveStats;
  /** What the cache has done; absent where results were not kept. */
  readonly cache?: CacheStats;
  readonly elapsedMs: number;
  /** True when every document has its line. */
  readonly complete: boolean;
}

/** Documents that are not ok are listed by name up to this number. */
const maxNamed = 20;

/** The summary as a person reads it: one line, then the documents that are not ok. */
export function summaryText(summary: Summary): string {
  const { out, shards, counts, notOk, complete } = summary;
  const statuses = Object.entries(counts)
    .filter(([status, count]) => count > 0 || status === 'ok')
    .map(([status, count]) =>
      status === 'ok' && summary.fallbacks > 0
        ? `${whole(count)} ok (${whole(summary.fallbacks)} by --fallback)`
        : `${whole(count)} ${status}`,
    );
  const documents = counted(summary.documents, 'document');
  const head = [
    `${complete ? documents : `${whole(linesOf(summary))} of ${documents}`}: ${listed(statuses)}`,
    strategyText(summary),
    ...rateOf(summary),
    ...replacedText(summary),
    ...vanishedText(summary),
    ...adaptiveText(summary),
    ...cacheText(summary),
    shards === undefined ? out : `${counted(shards, 'shard')} in ${out}`,
  ].join(' · ');
  const named = notOk
    .slice(0, maxNamed)
    .map(({ id, status, error }) => `  ${printable(id)}: ${status}: ${firstLine(error)}`);
  const more = notOk.length - named.length;
  const failures =
    shards === undefined ? `every line of "${out}" whose status is not ok` : `"${join(out, failedName)}"`;
  if (more > 0) named.push(`  and ${whole(more)} more: ${failures}`);
  return `${[head, ...named].join('\n')}\n`;
}

/** The summary as a program reads it. */
export function summaryData(summary: Summary) {
  const { elapsedMs, counts, earlier, ...rest } = summary;
  const lines = linesOf(summary);
  return {
    ...rest,
    ...counts,
    earlier,
    elapsedMs,
    documentsPerSecond: lines === earlier ? null : (lines - earlier) / (elapsedMs / 1e3),
  };
}

function strategyText({ strategy, workers, perWorker }: Summary): string {
  return workers === null
    ? strategy
    : rowName({ strategy, workers, delivery: '', per_worker: perWorker ?? null });
}

/** Empty when this command has written no line. */
function rateOf(summary: Summary): string[] {
  const { elapsedMs, earlier } = summary;
  const written = linesOf(summary) - earlier;
  if (written === 0) return [];
  const time = elapsedMs < 1e3 ? `${Math.round(elapsedMs)} ms` : duration(elapsedMs);
  return [`${whole(written)} in ${time}, ${number(written / (elapsedMs / 1e3))}/s`];
}

/** Empty when no worker was replaced. */
function replacedText({ workersReplaced: count }: Summary): string[] {
  if (count === 0) return [];
  return [
    count === 1
      ? '1 worker replaced near its memory limit'
      : `${whole(count)} workers replaced near their memory limit`,
  ];
}

/** Empty when all documents that have a line exist. */
function vanishedText({ vanished: count }: Summary): string[] {
  if (count === 0) return [];
  return [
    count === 1
      ? '1 line is of a document that no longer exists'
      : `${whole(count)} lines are of documents that no longer exist`,
  ];
}

/** Empty when the number of documents at the same time was fixed. */
function adaptiveText({ adaptive }: Summary): string[] {
  if (adaptive === undefined) return [];
  const { number, low, high, lastMove } = adaptive;
  const range = low === high ? '' : ` (${low} to ${high}; ${lastMove?.why})`;
  return [`${number} at a time${range}`];
}

/** Empty where results were not kept. */
function cacheText({ cache }: Summary): string[] {
  if (cache === undefined) return [];
  const { hits, misses, savedMs } = cache;
  if (hits === 0) return ['nothing from the cache'];
  const share = Math.floor((100 * hits) / (hits + misses));
  const time = savedMs < 1e3 ? `${Math.round(savedMs)} ms` : duration(savedMs);
  return [`${whole(hits)} from the cache (${share} %), ${time} of tasks saved`];
}

function linesOf({ counts }: Summary): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function firstLine(error: NotOk['error']): string {
  return `${error.name}: ${errorInWords(error)}`.split('\n', 1)[0]?.slice(0, 200) as string;
}

/** A file's name may contain a line feed. */
function printable(id: string): string {
  return /\p{Cc}/u.test(id) ? JSON.stringify(id) : id;
}
