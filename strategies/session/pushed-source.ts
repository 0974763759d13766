import { setImmediate } from 'node:timers';
import { Fifo } from './fifo.js';
import { ready, type Source } from './source.js';
import { Turns } from './turns.js';

/** The answer of a source that has ended. */
export const end: IteratorResult<never> = { done: true, value: undefined };

export interface PushedSourceOptions<Item> {
  /** The next document, `end` when the run is to end, or null when there is nothing now. */
  readonly give: () => IteratorResult<Item> | null;
  /** Called when the session waits for a document and there is none. */
  readonly starved?: () => void;
  /** Called when the session wants no more documents. */
  readonly returned?: () => void;
}

/**
 * The source of one run whose documents come from outside: the session pulls from it, `give` answers, and
 * `offer` says that there may be a document by now.
 */
export class PushedSource<Item> implements Source<Item>, AsyncIterable<Item> {
  readonly #options: PushedSourceOptions<Item>;
  /** Calls of `next` without an answer yet. There may be several: a pool asks once per worker. */
  readonly #waiting = new Fifo<(next: IteratorResult<Item>) => void>();
  readonly #turns = new Turns();

  constructor(options: PushedSourceOptions<Item>) {
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Gives what `next` would, without a promise; null when it would have to wait. */
  [ready](): IteratorResult<Item> | null {
    return this.#turns.isOverdue() ? null : this.#options.give();
  }

  /**
   * Calls are answered in their order. Each has one promise that is resolved with the document itself: an
   * async function that returns a promise would settle later than a call that is answered at once.
   */
  next(): Promise<IteratorResult<Item>> {
    return new Promise((resolve) => {
      if (this.#turns.isOverdue())
        setImmediate(() => {
          this.#turns.took();
          this.#answer(resolve);
        });
      else this.#answer(resolve);
    });
  }

  async return(): Promise<IteratorResult<Item>> {
    this.#options.returned?.();
    return end;
  }

  /** Answers one call, or lets it wait. */
  #answer(resolve: (next: IteratorResult<Item>) => void): void {
    // Asks whatever the clock says by now: no later notice would come for a document that is already there.
    const given = this.#options.give();
    if (given !== null) {
      resolve(given);
      return;
    }
    this.#waiting.push(resolve);
    this.#options.starved?.();
  }

  /** Answers the waiting calls of `next` as far as there are documents. */
  offer(): void {
    while (this.#waiting.length > 0) {
      const given = this.#options.give();
      if (given === null) return;
      this.#waiting.shift()?.(given);
    }
  }

  /** Answers every call of `next` that waits: the source has ended. */
  end(): void {
    for (const resolve of this.#waiting.empty()) resolve(end);
  }
}
