import type { Outcome } from '../strategies/strategy.js';

/** What a caller gives to be processed. Its bytes are not to change until it has its outcome. */
export interface InputDocument {
  /** Names the content: when a document has ended two workers, its id is not run again. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** A document that was accepted, and who is to get its outcome. */
export interface Ticket {
  /** Its place in its own source. */
  readonly index: number;
  readonly id: string;
  readonly bytes: Uint8Array;
  /** On the clock of `now()`; null where it goes to the session in the moment it is pulled. */
  readonly acceptedMs: number | null;
  /** From then until the session took it, milliseconds; 0 before that. */
  waitedMs: number;
  settle(outcome: Outcome): void;
  /** There will be no outcome. */
  fail(cause: unknown): void;
}

/** Who may have documents for the session: the calls of `run`, and each call of `process`. */
export interface Entrant {
  /** The next document, if one may go now. */
  next(): Ticket | null;
  /** Accepted, and not given by `next` yet. */
  readonly queued: number;
  /** Takes no more in; what it has still goes. `cause` is told where that cuts something short. */
  stop(cause: unknown): void;
  /** Gives nothing any more. */
  fail(cause: unknown): void;
}

/** @throws TypeError that says what a document looks like. */
export function checkDocument(value: unknown): asserts value is InputDocument {
  const { id, bytes } = (typeof value === 'object' && value !== null ? value : {}) as Partial<InputDocument>;
  if (typeof id === 'string' && bytes instanceof Uint8Array) return;
  if (typeof value === 'string')
    throw new TypeError(
      `expected a document like { id, bytes }, got the string "${value}"; of a path, make { id: path, bytes: await readFile(path) }`,
    );
  if (value instanceof Uint8Array)
    throw new TypeError('expected a document like { id, bytes }, got its bytes alone; give them a name');
  throw new TypeError(`expected a document like { id: 'name', bytes: Uint8Array }, got ${shape(value)}`);
}

function shape(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { id, bytes } = value as Partial<InputDocument>;
  return `an object whose id is ${typeof id === 'string' ? 'a string' : `a ${typeof id}`} and whose bytes are ${bytes instanceof Uint8Array ? 'a Uint8Array' : `a ${typeof bytes}`}`;
}
