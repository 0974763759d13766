import { readFileSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import type { DocumentByPath } from '../../strategies/strategy.js';
import type { CorpusDocument, FileOrigin } from '../../workloads/documents.js';
import { readRegularFileSync } from '../../workloads/read-file.js';
import type { Document } from '../../workloads/workload.js';

/**
 * Says where the documents of a corpus are when the clock starts: in the memory of the process that runs
 * them, or in their own files, so that reading them is a part of what is measured.
 */
export type CorpusSource = 'memory' | 'files';

/** Lists the sources; the first is that of documents without files. */
export const corpusSources: readonly [CorpusSource, CorpusSource] = ['memory', 'files'];

/**
 * Paths of the files in which the runner hands a corpus to its helper processes: the documents' contents
 * (none where they stay in their own files), their ids and sizes, and the oracle's findings once it has run.
 */
export interface CorpusFile {
  readonly source: CorpusSource;
  readonly contents: string;
  readonly index: string;
  readonly truth: string;
}

type Index = readonly { readonly id: string; readonly size: number; readonly file?: FileOrigin }[];

/** A document that is read while the clock runs. */
export interface NamedDocument extends DocumentByPath {
  readonly path: string | Buffer;
  readonly size: number;
}

/** Writes the contents and the index. @param base path of the files without their extensions */
export function writeCorpus(
  base: string,
  documents: readonly CorpusDocument[],
  source: CorpusSource = 'memory',
): CorpusFile {
  if (source === 'files') return writeNames(base, documents);
  const file = corpusFile(base, source);
  writeFileSync(file.contents, Buffer.concat(documents.map(({ bytes }) => bytes)));
  writeFileSync(file.index, serialize(documents.map(({ id, size }) => ({ id, size })) satisfies Index));
  return file;
}

/** Writes the names of documents, which stay in their own files. @throws Error where one has no file */
export function writeNames(
  base: string,
  documents: readonly Pick<CorpusDocument, 'id' | 'size' | 'file'>[],
): CorpusFile {
  const written = corpusFile(base, 'files');
  const index = documents.map(({ id, size, file }): Index[number] => {
    if (file === undefined) throw new Error(`expected document "${id}" to come from a file`);
    return { id, size, file };
  });
  writeFileSync(written.index, serialize(index));
  return written;
}

function corpusFile(base: string, source: CorpusSource): CorpusFile {
  return { source, contents: `${base}.contents`, index: `${base}.index`, truth: `${base}.truth` };
}

/**
 * Reads the documents into ordinary heap memory, from their own files where the corpus has nothing else. Each
 * owns its ArrayBuffer, because cloning a view of one large buffer would clone the whole buffer.
 */
export function readCorpus(corpus: CorpusFile): Document[] {
  if (corpus.source === 'files')
    return readIndex(corpus).map(({ id, file }, index) => {
      const { bytes } = readRegularFileSync((file as FileOrigin).path);
      return { index, id, size: bytes.length, bytes: new Uint8Array(bytes.buffer) };
    });
  const contents = readFileSync(corpus.contents);
  let offset = 0;
  return readIndex(corpus).map(({ id, size }, index) => {
    const bytes = new Uint8Array(contents.subarray(offset, offset + size));
    offset += size;
    return { index, id, size, bytes };
  });
}

/** Reads the names of documents that are in files, and with each the state that its file had. */
export function readNames(
  corpus: CorpusFile,
): { readonly document: NamedDocument; readonly file: FileOrigin }[] {
  return readIndex(corpus).map(({ id, size, file }, index) => {
    const { path } = file as FileOrigin;
    return { document: { index, id, size, path }, file: file as FileOrigin };
  });
}

function readIndex({ index }: CorpusFile): Index {
  return deserialize(readFileSync(index)) as Index;
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
