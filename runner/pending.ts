import type { Outcome } from '../strategies/strategy.js';

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

/** A document that the runner has accepted, together with the caller that waits for its outcome. */
export interface PendingDocument {
  /** Place in its own source, from 0. */
  readonly index: number;
  /** It names the content, as the id of an `InputDocument` does. */
  readonly id: string;
  /** The content, as the caller gave it. */
  readonly bytes: Uint8Array;
  /**
   * The runner accepted it at this time of the clock `now()`; null where the session takes it when it is
   * pulled.
   */
  readonly acceptedMs: number | null;
  /** Time from `acceptedMs` until the session took it, milliseconds; 0 before that. */
  waitedMs: number;
  /** The session has the document under this index of its run; null before it took it. */
  sessionIndex: number | null;
  /** Gives the caller its outcome. */
  settle(outcome: Outcome): void;
  /** Tells the caller that there will be no outcome. */
  fail(cause: unknown): void;
}

/**
 * The runner takes documents from inputs: all calls of `run` are one input, each call of `process` is
 * another.
 */
export interface Input {
  /** The next document, or null when there is none that may go now. */
  next(): PendingDocument | null;
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
