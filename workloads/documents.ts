import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { glob } from 'tinyglobby';
import type { Document } from './workload.js';

/** A corpus is an ordered set of documents. Every strategy gets the same one. */
export interface Corpus {
  /** The name appears in the `corpus` column: `10KB`, `mixed`, `docs`. */
  readonly name: string;
  readonly documents: readonly Document[];
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

/** The corpus cannot be used. The message says which file or pattern is wrong and what to do. */
export class CorpusError extends Error {
  override readonly name = 'CorpusError';
}

/** The files that match a folder or glob, sorted by size. */
export interface FileList {
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly pattern: string;
}

/**
 * Lists the files of a folder (all of them, recursively) or a glob, smallest first.
 * @throws CorpusError when nothing matches or the size of a file cannot be read
 */
export async function findFiles(pattern: string): Promise<FileList> {
  const paths = await listPaths(pattern);
  const files = await Promise.all(
    paths.map(async (path) => ({ path, size: (await stat(path).catch(unreadable(path))).size })),
  );
  files.sort((a, b) => a.size - b.size || (a.path < b.path ? -1 : 1));
  return { files, pattern };
}

/**
 * Lists the absolute paths of a folder's files (all of them, recursively) or a glob's, in no particular
 * order.
 * @throws CorpusError when nothing matches
 */
export async function listPaths(pattern: string): Promise<string[]> {
  const isFolder = await stat(pattern).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  const paths = isFolder
    ? await glob('**/*', { cwd: pattern, absolute: true, dot: true, expandDirectories: false })
    : await glob(pattern, { absolute: true, expandDirectories: false });
  if (paths.length === 0) {
    throw new CorpusError(
      `--docs "${pattern}": expected a folder with files or a glob that matches some, found none`,
    );
  }
  return paths;
}

/**
 * Reads a sample of at most `count` files, stratified by size. The files in order of size are divided into
 * `count` strata of equal number, and one file is drawn from each, so that the sample has the size profile of
 * the folder. The sample is shuffled. The same seed gives the same files in the same order.
 * @throws CorpusError when a file cannot be read
 */
export async function sampleFiles(
  { files }: FileList,
  options: { count: number; seed: number },
): Promise<Corpus> {
  const random = xoroshiro128plus(options.seed);
  const count = Math.min(options.count, files.length);
  const sample = Array.from({ length: count }, (_, stratum) => {
    const from = Math.floor((stratum * files.length) / count);
    const to = Math.floor(((stratum + 1) * files.length) / count) - 1;
    return files[uniformInt(random, from, to)] as { path: string };
  });
  for (let i = sample.length - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i);
    [sample[i], sample[j]] = [sample[j] as { path: string }, sample[i] as { path: string }];
  }
  const documents: Document[] = [];
  for (const [index, { path }] of sample.entries()) {
    const bytes = own(await readFile(path).catch(unreadable(path)));
    documents.push({ index, id: relative(process.cwd(), resolve(path)), size: bytes.length, bytes });
  }
  return { name: 'docs', documents };
}

/**
 * Computes a SHA-256 over ids, sizes and contents in order. Two runs with the same hash had the same input.
 */
export function corpusHash(corpus: Corpus): string {
  const hash = createHash('sha256');
  for (const { id, size, bytes } of corpus.documents) hash.update(JSON.stringify([id, size])).update(bytes);
  return hash.digest('hex');
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

function unreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new CorpusError(`--docs: cannot read "${path}": ${(cause as Error).message}`, { cause });
  };
}
