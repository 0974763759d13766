import { isAbsolute, resolve, sep } from 'node:path';
import { types } from 'node:util';
import type { Document } from '../../workloads/workload.js';
import type { AnyDocument, DocumentByPath, DocumentByReference } from '../strategy.js';

/**
 * Documents by reference, on the caller's side. A session turns each one into a document whose bytes are the
 * reference itself: the bytes of the path, or the JSON text. Transports move these bytes like any others, and
 * bring along how to read them (`by`). `worker/read-reference.ts` reads the document in the worker.
 */

/** How a worker gets a document from the bytes that it received: it reads a file, or calls `resolve`. */
export type ReferenceKind = 'path' | 'reference';

/**
 * A document on its way to a worker. Without `by` the bytes are its content. With `by` they are a reference,
 * and `size` is what the caller expects the content to have, or else the length of the reference.
 */
export interface CarriedDocument extends Document {
  /** Says how the worker reads the document. Absent: the bytes are the content. */
  readonly by?: ReferenceKind;
  /** Where it is read in the caller's process, the path itself may be here, and there are no bytes. */
  readonly path?: string | Uint8Array;
}

/** Strategies read this source: every document in it has bytes, its own or those of its reference. */
export type CarriedDocuments = Iterable<CarriedDocument> | AsyncIterable<CarriedDocument>;

/**
 * Returns a document as transports carry it. A document that has bytes is returned as it is.
 * @param takesReferences true in a session that was opened with delivery `reference`
 * @param keepsPaths true where the document is read in this process: its path then stays what it is
 * @throws TypeError when the document has none of the three forms, when its reference is not JSON, and when
 * the session takes no references
 */
export function carried(
  document: AnyDocument,
  takesReferences: boolean,
  keepsPaths = false,
): CarriedDocument {
  if (hasBytes(document)) return 'by' in document ? contentOnly(document) : document;
  const by = kindOf(document);
  if (by === null)
    throw new TypeError(
      'expected a document with `bytes` (a Uint8Array), `path` (a string or a Buffer) or `reference`',
    );
  if (!takesReferences)
    throw new TypeError(
      `expected a document with bytes, got one by ${by}: open the session with delivery "reference"`,
    );
  if ('path' in document && keepsPaths) return withPath(document);
  const bytes = 'path' in document ? pathBytes(document.path) : jsonBytes(document.reference);
  return { index: document.index, id: document.id, size: document.size ?? bytes.length, bytes, by };
}

/** Takes out a member of the caller's own, which a worker would misread. */
function contentOnly({ index, id, size, bytes }: Document): CarriedDocument {
  return { index, id, size, bytes };
}

function hasBytes(document: AnyDocument): document is Document {
  return (document as Partial<Document>).bytes !== undefined;
}

function kindOf(document: DocumentByPath | DocumentByReference): ReferenceKind | null {
  const { path, reference } = document as Partial<DocumentByPath & DocumentByReference>;
  if (typeof path === 'string' || types.isUint8Array(path)) return 'path';
  return path === undefined && reference !== undefined ? 'reference' : null;
}

const noBytes = new Uint8Array();

/** Encoding the path and decoding it again would take as long as opening the file. */
function withPath({ index, id, path, size = 0 }: DocumentByPath): CarriedDocument {
  const absolute = typeof path !== 'string' ? pathBytes(path) : isAbsolute(path) ? path : resolve(path);
  return { index, id, size, bytes: noBytes, by: 'path', path: absolute };
}

/** The same document with the bytes of its path. */
export function encoded(document: CarriedDocument): CarriedDocument {
  const { path, ...rest } = document;
  if (path === undefined) return document;
  const bytes = pathBytes(path);
  return { ...rest, size: bytes.length, bytes };
}

const encoder = new TextEncoder();

/** A worker may have another current folder, so the path becomes absolute here. */
function pathBytes(path: string | Uint8Array): Uint8Array {
  if (typeof path === 'string') return encoder.encode(isAbsolute(path) ? path : resolve(path));
  if (isAbsolute(Buffer.from(path).toString('latin1'))) return new Uint8Array(path);
  return new Uint8Array(Buffer.concat([Buffer.from(process.cwd() + sep), path]));
}

function jsonBytes(reference: unknown): Uint8Array {
  return encoder.encode(jsonOf(reference) ?? refuse(`got a ${typeof reference}`));
}

function jsonOf(reference: unknown): string | undefined {
  try {
    return JSON.stringify(reference);
  } catch (cause) {
    return refuse(cause instanceof Error ? cause.message : String(cause));
  }
}

function refuse(got: string): never {
  throw new TypeError(`expected a reference that JSON can carry: ${got}`);
}
