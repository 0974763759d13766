import type { AnyDocument, Delivery, Outcome } from '../strategies/strategy.js';

/**
 * A document as a caller gives it to a runner: with its bytes, by the path of a file, or by another
 * reference. Its `id` names the content. After a document has ended two workers, the runner refuses its id,
 * whatever content comes with it.
 */
export type InputDocument = InputBytes | InputPath | InputReference;

/** A document with its content, which must not change until its outcome is there. */
export interface InputBytes {
  /** Names the content. */
  readonly id: string;
  /** The content; empty is allowed. */
  readonly bytes: Uint8Array;
}

/** A regular file. With delivery `reference` the worker reads it, else the runner does. */
export interface InputPath {
  /** Names the content. */
  readonly id: string;
  /** The file's path; its bytes where they are no UTF-8. A relative one starts at the current folder. */
  readonly path: string | Uint8Array;
  /** The file has about this size, bytes. Absent: unknown. */
  readonly size?: number;
}

/** A document whose bytes the task's `resolve` fetches in the worker: only with delivery `reference`. */
export interface InputReference {
  /** Names the content. */
  readonly id: string;
  /** `resolve` gets this as JSON would copy it. */
  readonly reference: unknown;
  /** The content has about this size, bytes. Absent: unknown. */
  readonly size?: number;
}

/** Waits for outcomes: one call of `run`, or one call of `process` with all its documents. */
export interface Receiver {
  /**
   * Takes the outcome of one document.
   * @param place the document's place in its own source, from 0
   * @param bytes the runner holds this many bytes of it
   */
  settle(outcome: Outcome, place: number, bytes: number): void;
  /** One of its documents gets no outcome. */
  lose(cause: unknown): void;
}

/** A call of `run` waits for one outcome. */
export interface Call extends Receiver {
  /** The document; once its file is read, with its bytes. */
  document: InputDocument;
  /** The document's file was changed at this time, ms since 1970; null where the runner has read none. */
  mtimeMs: number | null;
  /** The runner accepted it at this time of the clock `now()`. */
  readonly acceptedMs: number;
}

/**
 * The runner takes documents from inputs: all calls of `run` are one input, each call of `process` is
 * another.
 */
export interface Input {
  /**
   * Gives the session the next document, and puts it into `InProgress`. Returns null when there is none that
   * may go now.
   * @param index the document gets this index in the session's run
   */
  next(index: number): AnyDocument | null;
  /** Documents that are accepted, and that `next` has not given yet. */
  readonly queued: number;
  /**
   * Accepts no more documents; `next` still gives the accepted ones. `cause` is reported where this cuts a
   * source short.
   */
  stop(cause: unknown): void;
  /** Drops everything that `next` has not given yet; its callers get `cause`. */
  fail(cause: unknown): void;
}

/** The document as the session gets it. */
export function sessionDocument(index: number, document: InputDocument): AnyDocument {
  const { id } = document;
  if (hasBytes(document)) return { index, id, size: document.bytes.length, bytes: document.bytes };
  const { size } = document;
  const known = size === undefined ? {} : { size };
  return isByPath(document)
    ? { index, id, path: document.path, ...known }
    : { index, id, reference: document.reference, ...known };
}

/** A document that has bytes is not read, whatever else it has. */
export function hasBytes(document: InputDocument): document is InputBytes {
  return (document as Partial<InputBytes>).bytes !== undefined;
}

export function isByPath(document: InputPath | InputReference): document is InputPath {
  return (document as Partial<InputPath>).path !== undefined;
}

/** The number of bytes that the runner holds of it. */
export function bytesOf(document: InputDocument): number {
  return hasBytes(document) ? document.bytes.length : 0;
}

/**
 * @param delivery documents by reference need `reference`
 * @throws TypeError that says what a document looks like, or what to do
 */
export function checkDocument(value: unknown, delivery: Delivery): asserts value is InputDocument {
  const { id, bytes, path, reference } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<InputBytes & InputPath & InputReference>;
  if (typeof id === 'string') {
    if (bytes instanceof Uint8Array) return;
    if (bytes === undefined && (typeof path === 'string' || path instanceof Uint8Array)) return;
    if (bytes === undefined && path === undefined && reference !== undefined) {
      if (delivery === 'reference') return;
      throw new TypeError(
        `expected delivery "reference" for the document "${id}", which has a \`reference\`, ` +
          `got "${delivery}"; give createRunner { delivery: 'reference' }, or the document's bytes or path`,
      );
    }
  }
  const expected = 'expected a document like { id, bytes } or { id, path }';
  if (typeof value === 'string')
    throw new TypeError(`${expected}, got the string "${value}"; for a file, give { id: path, path }`);
  if (value instanceof Uint8Array)
    throw new TypeError(`${expected}, got its bytes alone; add an id that names them`);
  throw new TypeError(`${expected.replace('bytes', 'bytes: Uint8Array')}, got ${shape(value)}`);
}

function shape(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { id, bytes } = value as Partial<InputBytes>;
  const idType = typeof id === 'string' ? 'a string' : `a ${typeof id}`;
  const bytesType = bytes instanceof Uint8Array ? 'a Uint8Array' : `a ${typeof bytes}`;
  return `an object whose id is ${idType} and whose bytes are ${bytesType}`;
}
