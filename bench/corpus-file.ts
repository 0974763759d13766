import { readFileSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import type { Document } from '../workloads/workload.js';

/** A corpus as the runner leaves it for its helpers: contents, ids and sizes, and the oracle's digests once there are any. */
export interface CorpusFile {
  readonly contents: string;
  readonly index: string;
  readonly digests: string;
}

type Index = readonly { readonly id: string; readonly size: number }[];

/** @param base path without an ending. */
export function writeCorpus(base: string, documents: readonly Document[]): CorpusFile {
  const file: CorpusFile = { contents: `${base}.contents`, index: `${base}.index`, digests: `${base}.digests` };
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

/** What each document's outcome must come to, in corpus order. */
export function writeDigests(file: CorpusFile, digests: readonly string[]): void {
  writeFileSync(file.digests, serialize(digests));
}

export function readDigests(file: CorpusFile): string[] {
  return deserialize(readFileSync(file.digests)) as string[];
}
