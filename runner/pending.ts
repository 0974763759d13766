import type { Outcome } from '../strategies/strategy.js';
import type { Document } from '../workloads/workload.js';

/** A document as a caller gives it to a runner. Its bytes must not change until its outcome is there. */
export interface InputDocument {
  /**
   * Names the content. After a document has ended two workers, the runner refuses its id, whatever bytes come
   * with it.
   */
  readonly id: string;
  /** The content; empty is allowed. */
  readonly bytes: Uint8Array;
}

/** Waits for outcomes: one call of `run`, or one call of `process` with all its documents. */
export interface Receiver {
  /**
   * Takes the outcome of one document.
   * @param place the document's place in its own source, from 0
   * @param bytes its size
   */
  settle(outcome: Outcome, place: number, bytes: number): void;
  /** One of its documents gets no outcome. */
  lose(cause: unknown): void;
}

/** A call of `run`. */
export interface Call extends Receiver {
  readonly document: InputDocument;
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
  next(index: number): Document | null;
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
export function sessionDocument(index: number, { id, bytes }: InputDocument): Document {
  return { index, id, size: bytes.length, bytes };
}

/** @throws TypeError that says what a document looks like. */
export function checkDocument(value: unknown): asserts value is InputDocument {
  const { id, bytes } = (typeof value === 'object' && value !== null ? value : {}) as Partial<InputDocument>;
  if (typeof id === 'string' && bytes instanceof Uint8Array) return;
  const expected = 'expected a document like { id, bytes }';
  if (typeof value === 'string')
    throw new TypeError(
      `${expected}, got the string "${value}"; for a path, give { id: path, bytes: await readFile(path) }`,
    );
  if (value instanceof Uint8Array)
    throw new TypeError(`${expected}, got its bytes alone; add an id that names them`);
  throw new TypeError(`expected a document like { id: 'name', bytes: Uint8Array }, got ${shape(value)}`);
}

function shape(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { id, bytes } = value as Partial<InputDocument>;
  const idType = typeof id === 'string' ? 'a string' : `a ${typeof id}`;
  const bytesType = bytes instanceof Uint8Array ? 'a Uint8Array' : `a ${typeof bytes}`;
  return `an object whose id is ${idType} and whose bytes are ${bytesType}`;
}
