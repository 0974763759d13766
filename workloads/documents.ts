import { createHash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { CorpusError, leftOutText } from './file-walk.js';
import { type FileList, type FoundFile, formerId, listFiles } from './files.js';
import { changeOf, type FileState, readRegularFile, whyUnreadable } from './read-file.js';
import type { Document } from './workload.js';

export { CorpusError } from './file-walk.js';
export type { FileList } from './files.js';

/** A corpus is an ordered set of documents. Every strategy gets the same one. */
export interface Corpus {
  /** The name appears in the `corpus` column: `10KB`, `mixed`, `docs`. */
  readonly name: string;
  readonly documents: readonly CorpusDocument[];
  /** Ids that version 0.1 gave the documents; absent where they were the same. */
  readonly formerIds?: readonly string[];
}

/** A document that was read from a file knows which. */
export interface CorpusDocument extends Document {
  readonly file?: FileOrigin;
}

/** A file, and the state that it had when it was read. */
export interface FileOrigin {
  readonly path: string | Buffer;
  readonly state: FileState;
}

/** Sizes are in bytes, and quantiles use the nearest rank. */
export interface SizeProfile {
  readonly documents: number;
  readonly bytes: number;
  readonly min: number;
  readonly p5: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/**
 * Lists the files of a folder (all of them, recursively) or a glob, smallest first.
 * Files that cannot be read are in `unreadable`.
 * @throws CorpusError when nothing matches, or nothing can be read
 */
export async function findFiles(pattern: string): Promise<FileList> {
  const list = listFiles(pattern);
  const { unreadable } = list;
  const files = list.files.filter(({ id, below, path, size }) => {
    const cause = whyUnreadable(path, size);
    if (cause !== null) unreadable.push({ id, below, cause });
    return cause === null;
  });
  const [first] = unreadable;
  if (files.length === 0 && first !== undefined)
    throw new CorpusError(`--docs "${pattern}": cannot read "${first.id}": ${first.cause.message}`, {
      cause: first.cause,
    });
  files.sort((a, b) => a.size - b.size || (a.id < b.id ? -1 : 1));
  return { ...list, files };
}

/** The part of a list that is sampled. Files that turn out to be unreadable are added to `unreadable`. */
export type Sampled = Pick<FileList, 'files' | 'pattern'> & Partial<Pick<FileList, 'typed' | 'unreadable'>>;

/**
 * Reads a sample of at most `count` files, stratified by size. The files in order of size are divided into
 * `count` strata of equal number, and one file is drawn from each, so that the sample has the size profile of
 * the folder. The sample is shuffled. The same seed gives the same files in the same order.
 * Where a file cannot be read, the next one of its stratum takes its place.
 * @throws CorpusError when no file can be read
 */
export async function sampleFiles(
  { files, pattern, typed, unreadable = [] }: Sampled,
  options: { readonly count: number; readonly seed: number },
): Promise<Corpus> {
  const random = xoroshiro128plus(options.seed);
  const count = Math.min(options.count, files.length);
  const strata = Array.from({ length: count }, (_, stratum) => {
    const from = Math.floor((stratum * files.length) / count);
    const to = Math.floor(((stratum + 1) * files.length) / count) - 1;
    const drawn = uniformInt(random, from, to);
    return [...files.slice(drawn, to + 1), ...files.slice(from, drawn)];
  });
  for (let i = strata.length - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i);
    [strata[i], strata[j]] = [strata[j] as FoundFile[], strata[i] as FoundFile[]];
  }
  const documents: CorpusDocument[] = [];
  const formerIds: string[] = [];
  const unreadableBefore = unreadable.length;
  for (const stratum of strata) {
    for (const file of stratum) {
      try {
        const { bytes: read, state } = await readRegularFile(file.path);
        const bytes = own(read);
        documents.push({
          index: documents.length,
          id: file.id,
          size: bytes.length,
          bytes,
          file: { path: file.path, state },
        });
        if (typed !== undefined) formerIds.push(formerId(typed, file.below));
        break;
      } catch (cause) {
        unreadable.push({ id: file.id, below: file.below, cause: cause as Error });
      }
    }
  }
  const first = unreadable[unreadableBefore];
  if (documents.length === 0 && first !== undefined)
    throw new CorpusError(`--docs "${pattern}": cannot read "${first.id}": ${first.cause.message}`, {
      cause: first.cause,
    });
  return { name: 'docs', documents, formerIds };
}

/** Says what samples leave out; null when that is nothing. */
export function notSampled({ leftOut, unreadable }: FileList): string | null {
  const all = [...new Map(unreadable.map((file) => [file.id, file])).values()];
  const [first] = all;
  const said = [
    leftOutText(leftOut),
    first === undefined
      ? null
      : `${all.length} ${all.length === 1 ? 'file' : 'files'} that cannot be read, ` +
        `such as "${first.id}" (${first.cause.message})`,
  ].filter((text) => text !== null);
  return said.length === 0 ? null : `left out of the documents: ${said.join(', ')}`;
}

/**
 * Marked SHA-256 over the documents' sizes and contents in order: two runs with the same hash had the same
 * input, wherever its files were.
 */
export function corpusHash(corpus: Corpus): string {
  const hash = createHash('sha256');
  for (const { size, bytes } of corpus.documents) hash.update(`${size}:`).update(bytes);
  return `v2:${hash.digest('hex')}`;
}

/** The hash without a mark that version 0.1 recorded, which covers the ids as well. */
export function formerCorpusHash({ documents, formerIds }: Corpus): string {
  const hash = createHash('sha256');
  for (const [i, { id, size, bytes }] of documents.entries())
    hash.update(JSON.stringify([formerIds?.[i] ?? id, size])).update(bytes);
  return hash.digest('hex');
}

/**
 * Compares the documents' files with what was read.
 * @throws CorpusError when one has changed or was removed
 */
export function refuseChanged(documents: readonly CorpusDocument[]): void {
  for (const { id, file } of documents) {
    const change = file === undefined ? null : changeOf(file.path, file.state);
    if (change !== null) throw new CorpusError(changedText(id, change));
  }
}

/** Says that the file of a document is not the same any more, and what to do. */
export function changedText(id: string, change: string): string {
  return `document "${id}": its file ${change} meanwhile; measure again while nothing changes the files`;
}

export function sizeProfile(corpus: Corpus): SizeProfile {
  const sizes = corpus.documents.map((document) => document.size).sort((a, b) => a - b);
  const quantile = (q: number) => sizes[Math.min(sizes.length - 1, Math.floor(q * sizes.length))] ?? 0;
  return {
    documents: sizes.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    min: quantile(0),
    p5: quantile(0.05),
    p50: quantile(0.5),
    p95: quantile(0.95),
    max: quantile(1),
  };
}

/**
 * Copies bytes into an ArrayBuffer of their own. A view of a pooled Buffer would be cloned with the whole
 * pool.
 */
function own(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}
