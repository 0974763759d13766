/**
 * Cancelling one document, in every strategy.
 *
 * The caller says when a run begins which documents it may cancel (`RunOptions.cancellable`), and cancels one
 * with `Session.cancel(index)`. What follows:
 *
 * 1. `guarded` (session.ts) remembers the index until the document has its outcome, calls the strategy's own
 *    `cancel`, and aborts the document's `context.signal` over the side channel (`drop` in
 *    side-channel-protocol.ts).
 * 2. A document that has not begun never begins. The strategy takes it out of where it waits. A document that
 *    is on its way between two places is refused at the next one: every place where documents arrive asks
 *    `has`.
 * 3. A task that is running has `cancelGrace.ms` to end by itself. After that its worker is ended, where the
 *    strategy has workers. The other documents of that worker run again. This counts neither as one of their
 *    runs nor as a death of the worker, because neither of them is to blame (`attempts.ts`). A document that
 *    was cancelled does not run again.
 * 4. A cancelled document has one outcome, as every document has: what its task returned, when that ended by
 *    itself, or else `cancelled` (outcome.ts). The caller discards it. It says that the session has nothing
 *    more of the document.
 *
 * A strategy prepares only documents for which `may` is true, so that the others cost nothing.
 */
export interface Cancelling {
  /** Tells whether the caller may cancel the document with this index. */
  may(index: number): boolean;
  /** Tells whether the document with this index was cancelled and has no outcome yet. */
  has(index: number): boolean;
}

/** A cancelled task may run on for this long before its worker is ended. Tests make it shorter. */
export const cancelGrace = { ms: 1000 };

/** The documents of one run that were cancelled and have no outcome yet. */
export class Cancelled implements Cancelling {
  readonly may: (index: number) => boolean;
  readonly #indexes = new Set<number>();

  constructor(may: (index: number) => boolean = () => false) {
    this.may = may;
  }

  has(index: number): boolean {
    return this.#indexes.size > 0 && this.#indexes.has(index);
  }

  /** @returns false when the document was cancelled before */
  add(index: number): boolean {
    if (this.#indexes.has(index)) return false;
    this.#indexes.add(index);
    return true;
  }

  /** Forgets a document that has its outcome. @returns whether it was cancelled */
  remove(index: number): boolean {
    return this.#indexes.size > 0 && this.#indexes.delete(index);
  }

  /** Forgets all documents, and returns their indexes. */
  empty(): number[] {
    const indexes = [...this.#indexes];
    this.#indexes.clear();
    return indexes;
  }
}
