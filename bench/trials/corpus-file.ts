import { readFileSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import type { Document } from '../../workloads/workload.js';

/**
 * Paths of the files in which the runner hands a corpus to its helper processes: the documents' contents,
 * their ids and sizes, and the oracle's findings once it has run.
 */
export interface CorpusFile {
  readonly contents: string;
  readonly index: string;
  readonly truth: string;
}

type Index = readonly { readonly id: string; readonly size: number }[];

/** Writes the contents and the index. @param base path of the files without their extensions */
export function writeCorpus(base: string, documents: readonly Document[]): CorpusFile {
  const file: CorpusFile = { contents: `${base}.contents`, index: `${base}.index`, truth: `${base}.truth` };
  writeFileSync(file.contents, Buffer.concat(documents.map(({ bytes }) => bytes)));
  writeFileSync(file.index, serialize(documents.map(({ id, size }) => ({ id, size })) satisfies Index));
  return file;
}

/**
 * Reads the documents into ordinary heap memory. Each owns its ArrayBuffer, because cloning a view of one
 * large buffer would clone the whole buffer.
 */
export function readCorpus(file: CorpusFile): Document[] {
  const contents = readFileSync(file.contents);
  let offset = 0;
  return (deserialize(readFileSync(file.index)) as Index).map(({ id, size }, index) => {
    const bytes = new Uint8Array(contents.subarray(offset, offset + size));
    offset += size;
    return { index, id, size, bytes };
  });
}

/** The findings of the oracle that every trial needs. */
export interface Truth {
  /** The digest that each document's outcome must have, in corpus order. */
  readonly digests: readonly string[];
  /**
   * Mean size of a result when it crosses a process boundary, bytes; null if it cannot be measured that way.
   */
  readonly resultBytes: number | null;
  /** The task writes into the bytes that it gets, or gives their memory away. */
  readonly changesBytes: boolean;
}

export function writeTruth(file: CorpusFile, truth: Truth): void {
  writeFileSync(file.truth, serialize(truth));
}

export function readTruth(file: CorpusFile): Truth {
  return deserialize(readFileSync(file.truth)) as Truth;
}
