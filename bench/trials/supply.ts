import { type FileRead, FileReader } from '../../strategies/session/file-reader.js';
import { ready, type Source } from '../../strategies/session/source.js';
import { taskError } from '../../strategies/session/task-error.js';
import type { Delivery, Outcome, Session } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import { changedText } from '../../workloads/documents.js';
import { changeOf } from '../../workloads/read-file.js';
import type { Document } from '../../workloads/workload.js';
import { type CorpusFile, type NamedDocument, readCorpus, readNames, type Truth } from './corpus-file.js';

/**
 * A helper process gives a session the documents of a corpus in this way: with their bytes, or by the names
 * of their files. Where workers do not read the files themselves, the caller does, while the clock runs.
 */
export interface Supply {
  /** The documents are in the order of the corpus. */
  readonly documents: readonly Supplied[];
  /** Makes the documents of one pass before the clock starts. */
  readonly fresh: Fresh;
  /** True if the caller reads files, so that a session gets a document some time after its name was taken. */
  readonly callerReads: boolean;
  readonly run: RunDocuments;
  /** Says what happened to the file of the document in this place; null where nothing did. */
  readonly changeOf: (index: number) => string | null;
}

/** A document in memory, or the name of a file that is read while the clock runs. */
export type Supplied = Document | NamedDocument;

/** Makes the documents of one pass from the documents of the corpus. */
export type Fresh = (documents: readonly Supplied[]) => readonly Supplied[];

/** Runs documents through a session. The promise resolves after the last outcome has been emitted. */
export type RunDocuments = (
  session: Pick<Session, 'run'>,
  documents: Iterable<Supplied>,
  handlers: RunHandlers,
) => Promise<void>;

export interface RunHandlers {
  readonly emit: (outcome: Outcome) => void;
  /** Gets the time at which the session took each document, by index, if the caller reads. */
  readonly takenMs?: Float64Array;
}

export interface SupplyOptions {
  readonly delivery: Delivery;
  readonly workers: number;
  readonly truth: Pick<Truth, 'changesBytes'>;
  /** Number of documents to run, from the start of the corpus; absent: all. */
  readonly documents?: number | undefined;
}

export function supplyOf(
  corpus: CorpusFile,
  { delivery, workers, truth, documents: count }: SupplyOptions,
): Supply {
  if (corpus.source === 'memory')
    return fromMemory(readCorpus(corpus).slice(0, count), freshFor(delivery, truth));
  const named = readNames(corpus).slice(0, count);
  const callerReads = delivery !== 'reference';
  return {
    documents: named.map(({ document }) => document),
    fresh: (documents) => documents, // every pass reads them again
    callerReads,
    run: callerReads ? readByCaller(workers) : runAsGiven,
    changeOf(index) {
      const file = named[index]?.file;
      return file === undefined ? null : changeOf(file.path, file.state);
    },
  };
}

/** Supplies documents that are in memory. */
export function fromMemory(documents: readonly Document[], fresh: Fresh): Supply {
  return { documents, fresh, callerReads: false, run: runAsGiven, changeOf: () => null };
}

/**
 * Copies the documents for each pass if a pass may change the caller's bytes: a transferred document loses
 * them, and on the caller's own thread a task may write into them, or give their memory away as pdf.js does.
 * The copies are made before the clock starts.
 */
export function freshFor(delivery: Delivery, { changesBytes }: Pick<Truth, 'changesBytes'>): Fresh {
  const copied = delivery === 'transfer' || (delivery === 'none' && changesBytes);
  return copied ? (documents) => documents.map(copyOf) : (documents) => documents;
}

/** Returns the document with bytes of its own; one that is not read yet has none to copy. */
export function copyOf<D extends Supplied>(document: D): D {
  return 'bytes' in document ? { ...document, bytes: document.bytes.slice() } : document;
}

const runAsGiven: RunDocuments = (session, documents, { emit }) => session.run(documents, emit);

/** Reads the files here and now, some ahead of the session. A file that cannot be read has failed. */
function readByCaller(workers: number): RunDocuments {
  return (session, documents, { emit, takenMs }) => {
    const reader = new FileReader(documents, { workers });
    const sizes: number[] = [];
    const given = ({ item, ...read }: FileRead<Supplied>): Document | null => {
      const { index, id } = item;
      if (takenMs !== undefined) takenMs[index] = now();
      if (read.bytes === null) {
        emit(unreadable({ index, id }, read.cause));
        return null;
      }
      const size = read.bytes.length;
      sizes[index] = size;
      // A task gets no Buffer, wherever its document was read; the reader gives whole buffers.
      return { index, id, size, bytes: new Uint8Array(read.bytes.buffer) };
    };
    return session.run(mapped(reader, given), (outcome) => {
      reader.settle(sizes[outcome.index] ?? 0, outcome.taskMs);
      emit(outcome);
    });
  };
}

function unreadable({ index, id }: Pick<Document, 'index' | 'id'>, cause: Error): Outcome {
  return { index, id, worker: null, queuedMs: null, taskMs: null, status: 'failed', error: taskError(cause) };
}

/** Replaces each item of a source, and leaves out items that become null. */
function mapped<Item, Mapped>(source: FileSource<Item>, map: (item: Item) => Mapped | null) {
  const found = (next: IteratorResult<Item>): IteratorResult<Mapped> | null => {
    if (next.done) return next;
    const value = map(next.value);
    return value === null ? null : { done: false, value };
  };
  const made: Source<Mapped> & AsyncIterable<Mapped> = {
    [ready]() {
      for (;;) {
        const next = source[ready]();
        const one = next === null ? null : found(next);
        if (next === null || one !== null) return one;
      }
    },
    async next() {
      for (;;) {
        const one = found(await source.next());
        if (one !== null) return one;
      }
    },
    async return() {
      await source.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => made,
  };
  return made;
}

interface FileSource<Item> {
  [ready](): IteratorResult<Item> | null;
  next(): Promise<IteratorResult<Item>>;
  return(): Promise<unknown>;
}

/** Says that a document's file is not what it was, which explains every other difference; null if it is. */
export function changeText({ changeOf }: Pick<Supply, 'changeOf'>, outcome: Outcome): string | null {
  const change = changeOf(outcome.index);
  return change === null ? null : changedText(outcome.id, change);
}
