import { readFileSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import type { Document } from '../../workloads/workload.js';

/** A corpus as the runner leaves it for its helpers: contents, ids and sizes, and what the oracle has found once it has. */
export interface CorpusFile {
  readonly contents: string;
  readonly index: string;
  readonly truth: string;
}

type Index = readonly { readonly id: string; readonly size: number }[];

/** @param base path without an ending. */
export function writeCorpus(base: string, documents: readonly Document[]): CorpusFile {
  const file: CorpusFile = { contents: `${base}.contents`, index: `${base}.index`, truth: `${base}.truth` };
  writeFileSync(file.contents, Buffer.concat(documents.map(({ bytes }) => bytes)));
  writeFileSync(file.index, serialize(documents.map(({ id, size }) => ({ id, size })) satisfies Index));
  return file;
}

/** The documents in ordinary heap memory, each owning its ArrayBuffer: a view of one large buffer would be cloned with all of it. */
export function readCorpus(file: CorpusFile): Document[] {
  const contents = readFileSync(file.contents);
  let offset = 0;
  return (deserialize(readFileSync(file.index)) as Index).map(({ id, size }, index) => {
    const bytes = new Uint8Array(contents.subarray(offset, offset + size));
    offset += size;
    return { index, id, size, bytes };
  });
}

/** What the oracle has found that every trial needs. */
export interface Truth {
  /** What each document's outcome must come to, in corpus order. */
  readonly digests: readonly string[];
  /** Of one result, on average, as it crosses a process boundary; null where it cannot be measured so. */
  readonly resultBytes: number | null;
}

export function writeTruth(file: CorpusFile, truth: Truth): void {
  writeFileSync(file.truth, serialize(truth));
}

export function readTruth(file: CorpusFile): Truth {
  return deserialize(readFileSync(file.truth)) as Truth;
}
