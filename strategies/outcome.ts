import type { Document } from '../workloads/workload.js';

/** A run reads this source. An asynchronous source is pulled one document at a time. */
export type Documents = Iterable<AnyDocument> | AsyncIterable<AnyDocument>;

/**
 * A source gives each document in one of three forms: with its bytes, by path, or by another reference. The
 * last two need delivery `reference`.
 */
export type AnyDocument = Document | DocumentByPath | DocumentByReference;

/** A document that is a regular file, which the worker reads. */
export interface DocumentByPath {
  /** The document has this place in the run, from 0. */
  readonly index: number;
  /** The document has this name; equal ids mean equal content. */
  readonly id: string;
  /** The file's path; its bytes where they are no UTF-8. A relative one starts at the caller's folder. */
  readonly path: string | Uint8Array;
  /** The file has about this size, bytes. Absent: unknown. Workers read what is there. */
  readonly size?: number;
}

/** A document whose bytes the task's `resolve` fetches in the worker. */
export interface DocumentByReference {
  /** The document has this place in the run, from 0. */
  readonly index: number;
  /** The document has this name; equal ids mean equal content. */
  readonly id: string;
  /** `resolve` gets this as JSON would copy it: a URL as text, a key, an object of such values. */
  readonly reference: unknown;
  /** The content has about this size, bytes. Absent: unknown. */
  readonly size?: number;
}
/**
 * Receives each outcome, which is then its own: it may change it. A promise that it returns holds back the
 * pulling of documents until it resolves.
 */
export type Emit = (outcome: Outcome) => void | Promise<void>;

/** Says how one document ended, on which worker and when. */
export type Outcome = {
  /** The document has this place in its source, from 0. */
  readonly index: number;
  /** The document has this id. */
  readonly id: string;
  /**
   * The worker with this name had the document. The name is unique among the session's workers and has no
   * other meaning. Null where the worker ended with the document.
   */
  readonly worker: string | null;
  /**
   * The document waited this long from being pulled until its task began, ms. Null when the task never
   * began, and where the worker is on another machine, because its clock cannot be compared with the
   * caller's.
   */
  readonly queuedMs: number | null;
  /**
   * The task took this long by the worker's clock, ms; null when it never ended. Where the worker read the
   * document, that is part of it.
   */
  readonly taskMs: number | null;
  /** The worker read this many bytes. Absent for documents that had bytes, and when nothing was read. */
  readonly size?: number;
  /** The file that the worker read was changed at this time, ms since 1970; absent for other documents. */
  readonly mtimeMs?: number;
  /** The document was tried this often. Absent: once. */
  readonly tries?: number;
  /** It waited this long in its worker for limits and between tries, ms. Absent: not at all. */
  readonly waitedMs?: number;
  /**
   * The value is from the cache, and the task took this long when it was kept, ms. Absent: the task ran.
   */
  readonly cachedMs?: number;
} & Result;

/** A document ends with the value of its task, or with an error. */
export type Result =
  | {
      readonly status: 'ok';
      readonly value: unknown;
      /** The document has failed, and `OpenOptions.fallback` has given the value. */
      readonly fallback?: true;
      /** The reason, where there is a fallback. */
      readonly error?: TaskError;
    }
  | { readonly status: 'failed' | 'timed-out' | 'crashed'; readonly error: TaskError };

/** An error as plain data, the same from every strategy: error classes do not survive a process boundary. */
export interface TaskError {
  /** The name that the error has; `NonError` when the task threw something else. */
  readonly name: string;
  /** The message that the error has. */
  readonly message: string;
  /** Shows where the error was thrown; absent where that is unknown. */
  readonly stack?: string;
  /** The code that the error has, such as `ENOENT`; absent where it is neither a string nor a number. */
  readonly code?: string | number;
  /** The error's `cause`, in the same form, at most five deep. */
  readonly cause?: TaskError;
  /** The errors of an `AggregateError`, in the same form; a task's error brings at most 100 in all. */
  readonly errors?: readonly TaskError[];
  /**
   * The error's other own members, as far as they can be cloned. They have at most 64 KB in all; when some
   * were cut, the member `…` says which.
   */
  readonly data?: Readonly<Record<string, unknown>>;
  /** The worker ended with this code; absent where that is unknown. */
  readonly exitCode?: number;
  /** This signal ended the worker; absent where that is unknown. */
  readonly signal?: string;
  /**
   * The heap reached its limit. Absent also where the system ended a process for its memory, because it
   * does not say so.
   */
  readonly outOfMemory?: true;
  /** The document has ended this many workers; from the second on the session refuses its id. */
  readonly attempts?: number;
}
