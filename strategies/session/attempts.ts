import type { Document } from '../../workloads/workload.js';
import type { Outcome, TaskError } from '../strategy.js';
import { crashedWith } from './outcome.js';

/**
 * The policy for documents and workers that end badly. Every strategy asks this module
 *
 *   - when a document runs again after its worker ended (`runsAgain`), and its maximum of runs (`maxRuns`),
 *   - when the workers of one place are no longer replaced (`DeathCount`),
 *   - which documents a session refuses by their id (`Quarantine`).
 *
 * A worker that was ended because a document on it was cancelled counts for nothing here: its other documents
 * run again as if they had not run, and the place has no death (`cancelling.ts`).
 */

/**
 * A document that has ended this many workers has crashed: a single worker may have been ended by something
 * else.
 */
export const maxWorkersEnded = 2;

/**
 * How often a document may run at most. Where each document is reported by itself, it runs again once.
 * Where workers report documents together, a document may first be lost with the others of its batch,
 * although it was not running: it then still has the two runs that a document has elsewhere.
 */
export const maxRuns = { reportedAlone: 2, reportedTogether: 3 } as const;

/**
 * After this many workers in a row have ended before they began with any document, something other than the
 * documents ends them, and the place gets no further worker in this run.
 */
export const maxDeathsBeforeStart = 3;

/**
 * A place gets no further worker either after this many workers in a row that ended while they ran
 * documents, with no document done: a dozen documents that crash. Tests make it smaller.
 */
export const maxDeathsWithoutResult = { count: 24 };

/** Tells whether a document runs again after the worker that ran it has ended. */
export function runsAgain(
  { runs, workersEnded }: { readonly runs: number; readonly workersEnded: number },
  limit: number,
): boolean {
  return workersEnded < maxWorkersEnded && runs < limit;
}

/** Counts the deaths of the workers that follow each other in one place. */
export class DeathCount {
  #beforeStart = 0;
  #withoutResult = 0;
  #stopped: Error | null = null;

  /** The reason why the place gets no further worker; null while it gets one. */
  get stopped(): Error | null {
    return this.#stopped;
  }

  /** A new run begins: the place gets workers again. */
  reset(): void {
    this.progress();
    this.#stopped = null;
  }

  /** The place gets no further worker in this run, for this reason. */
  stop(cause: Error): void {
    this.#stopped ??= cause;
  }

  /** A document was done. */
  progress(): void {
    this.#beforeStart = 0;
    this.#withoutResult = 0;
  }

  /** A worker ended before it began with any document. */
  endedBeforeStart(cause: unknown): void {
    if (++this.#beforeStart < maxDeathsBeforeStart) return;
    this.#stopped ??= new Error(
      `${maxDeathsBeforeStart} workers in a row ended before they ran any document; ` +
        `the last one: ${messageOf(cause)}`,
      { cause },
    );
  }

  /** A worker ended while it ran a document, or before it reported one. */
  endedWithoutResult(cause: unknown): void {
    this.#beforeStart = 0;
    if (++this.#withoutResult < maxDeathsWithoutResult.count) return;
    this.#stopped ??= new Error(
      `${maxDeathsWithoutResult.count} workers in a row ended before any document was done`,
      { cause },
    );
  }
}

/**
 * The ids that a session refuses: a document that has ended `maxWorkersEnded` workers would end another one
 * each time.
 */
export class Quarantine {
  readonly #errors = new Map<string, TaskError>();

  learn(outcome: Outcome): void {
    if (outcome.status === 'crashed' && (outcome.error.attempts ?? 0) >= maxWorkersEnded)
      this.#errors.set(outcome.id, outcome.error);
  }

  /** The outcome of a document that does not run; null when it may run. */
  refusal({ index, id }: Pick<Document, 'index' | 'id'>): Outcome | null {
    if (this.#errors.size === 0) return null;
    const error = this.#errors.get(id);
    if (error === undefined) return null;
    const { attempts } = error;
    const message = `${error.message}; it has ended ${attempts} workers of this session and is not run again`;
    return crashedWith({ index, id }, { ...error, message });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
