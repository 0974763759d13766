import type { FileList } from '../../workloads/documents.js';
import type { SetApart } from '../tables/environment.js';
import { type OracleOptions, TaskOracle } from './oracle.js';

/**
 * Large documents take no part in the passes: every trial would hold them in its memory, which is measured.
 * Each of them is timed once, alone, as far as there is time.
 */

/** A document is large from this size on, bytes. */
const largeBytes = 32e6;
/** Larger documents are not read; what they cost is guessed from their size. */
const maxReadBytes = 500e6;
/** Share of the budget that timing the large documents may take. */
const timeShare = 0.05;

/** Separates the large files from the others, unless more than half of all files are large. */
export function withoutLarge(list: FileList): {
  readonly list: FileList;
  readonly large: FileList['files'];
} {
  const small = list.files.filter(({ size }) => size <= largeBytes);
  if (2 * small.length < list.files.length) return { list, large: [] };
  return { list: { ...list, files: small }, large: list.files.filter(({ size }) => size > largeBytes) };
}

/** Times the large documents, the smallest first. `ms` is null if there was no time for one. */
export async function timeLarge(files: FileList['files'], options: OracleOptions): Promise<SetApart[]> {
  const untilMs = performance.now() + timeShare * options.budgetMs;
  const timed: SetApart[] = [];
  for (const file of files) {
    const { id, size } = file;
    const leftMs = untilMs - performance.now();
    const ms = leftMs > 0 && size <= maxReadBytes ? await timeOne(file, options, leftMs) : null;
    timed.push({ id, bytes: size, ms, reason: 'large' });
  }
  return timed;
}

/**
 * @returns null if the task fails on the document or takes too long: the document's cost is then guessed,
 * too
 */
async function timeOne(
  file: FileList['files'][number],
  options: OracleOptions,
  leftMs: number,
): Promise<number | null> {
  const oracle = new TaskOracle({ ...options, budgetMs: leftMs });
  try {
    const { id, path, size, mtimeMs } = file;
    const document = { id, size, file: { path, state: { size, mtimeMs } } };
    const { costsMs } = await oracle.run(oracle.write([document], 'large'));
    return costsMs[0] ?? null;
  } catch (cause) {
    if ((cause as Error).name === 'WorkloadError') return null;
    throw cause;
  } finally {
    oracle.end();
  }
}
