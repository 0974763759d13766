import { type FileRead, FileReader } from '../strategies/session/file-reader.js';
import { ready, type Source, type SourceReader } from '../strategies/session/source.js';
import type { Delivery } from '../strategies/strategy.js';
import { checkDocument, hasBytes, type InputBytes, type InputDocument, isByPath } from './pending.js';

/** A document whose file is read, or one that came with its bytes. */
export class ReadDocument implements InputBytes {
  readonly id: string;
  readonly bytes: Uint8Array;
  /** The file was changed at this time, ms since 1970; null where the document came with its bytes. */
  readonly mtimeMs: number | null;

  constructor(id: string, bytes: Uint8Array, mtimeMs: number | null) {
    this.id = id;
    this.bytes = bytes;
    this.mtimeMs = mtimeMs;
  }
}

/** A document whose file cannot be read. */
export class UnreadDocument implements InputBytes {
  readonly id: string;
  readonly bytes = new Uint8Array();
  readonly cause: Error;

  constructor(id: string, cause: Error) {
    this.id = id;
    this.cause = cause;
  }
}

type Item = { readonly id: string } & (
  | { readonly bytes: Uint8Array }
  | { readonly path: string | Buffer; readonly size?: number }
);

/**
 * The documents of a stream from its first document by path on, each with its bytes: the runner reads the
 * files where the workers do not.
 */
export class ReadDocuments implements Source<ReadDocument | UnreadDocument> {
  readonly #reader: FileReader<Item>;

  constructor(
    first: InputDocument,
    rest: SourceReader<InputDocument>,
    { workers, delivery }: { readonly workers: number; readonly delivery: Delivery },
  ) {
    let isFirst = true;
    const item = (next: IteratorResult<InputDocument>): IteratorResult<Item> => {
      if (next.done) return next;
      checkDocument(next.value, delivery);
      return { done: false, value: itemOf(next.value) };
    };
    const begun = (): IteratorResult<Item> | null => {
      if (!isFirst) return null;
      isFirst = false;
      return { done: false, value: itemOf(first) };
    };
    const end = (): IteratorResult<Item> => {
      rest.stop();
      return { done: true, value: undefined };
    };
    const documents: Iterable<Item> | AsyncIterable<Item> = rest.isSync
      ? {
          [Symbol.iterator]: () => ({
            next: () => begun() ?? item(rest.now() as IteratorResult<InputDocument>),
            return: end,
          }),
        }
      : {
          [Symbol.asyncIterator]: () => ({
            next: async () => begun() ?? item(await rest.next()),
            return: async () => end(),
          }),
        };
    this.#reader = new FileReader(documents, { workers });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [ready](): IteratorResult<ReadDocument | UnreadDocument> | null {
    const next = this.#reader[ready]();
    return next === null ? null : read(next);
  }

  async next(): Promise<IteratorResult<ReadDocument | UnreadDocument>> {
    return read(await this.#reader.next());
  }

  async return(): Promise<IteratorResult<ReadDocument | UnreadDocument>> {
    return read(await this.#reader.return());
  }

  /** Must be called with each document that has its outcome: another file may then be read. */
  settle(bytes: number, taskMs: number | null): void {
    this.#reader.settle(bytes, taskMs);
  }
}

function itemOf(document: InputDocument): Item {
  if (hasBytes(document) || !isByPath(document)) return document as InputBytes;
  const { id, path, size } = document;
  const named = typeof path === 'string' || Buffer.isBuffer(path) ? path : Buffer.from(path);
  return { id, path: named, ...(size !== undefined && { size }) };
}

function read(next: IteratorResult<FileRead<Item>>): IteratorResult<ReadDocument | UnreadDocument> {
  if (next.done) return next;
  const { item, bytes, state, cause } = next.value;
  const value =
    cause !== null
      ? new UnreadDocument(item.id, cause)
      : new ReadDocument(item.id, bytes, state?.mtimeMs ?? null);
  return { done: false, value };
}
