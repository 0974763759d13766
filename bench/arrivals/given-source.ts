import { setImmediate } from 'node:timers';
import { ready, type Source } from '../../strategies/session/source.js';
import { now } from '../../strategies/worker/clock.js';
import type { Supplied } from '../trials/supply.js';

/** After this time the event loop gets a turn, ms: otherwise no further arrival would be noticed. */
const maxMsWithoutTurn = 4;

/** A source whose documents come from outside: `give` answers, and `offer` says to ask again. */
export class GivenSource implements Source<Supplied> {
  readonly #give: () => IteratorResult<Supplied> | null;
  /** Calls of `next` without an answer yet. There may be several: a pool asks once per worker. */
  #waiting: ((next: IteratorResult<Supplied>) => void)[] = [];
  #turnMs = now();

  constructor({ give }: { readonly give: () => IteratorResult<Supplied> | null }) {
    this.#give = give;
  }

  [ready](): IteratorResult<Supplied> | null {
    return now() - this.#turnMs > maxMsWithoutTurn ? null : this.#give();
  }

  /** Calls are answered in their order: each has one promise, which is resolved with the document itself. */
  next(): Promise<IteratorResult<Supplied>> {
    return new Promise((resolve) => {
      if (now() - this.#turnMs > maxMsWithoutTurn)
        setImmediate(() => {
          this.#turnMs = now();
          this.#answer(resolve);
        });
      else this.#answer(resolve);
    });
  }

  #answer(resolve: (next: IteratorResult<Supplied>) => void): void {
    const given = this.#give();
    if (given === null) this.#waiting.push(resolve);
    else resolve(given);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Answers the waiting calls of `next` as far as there are documents. */
  offer(): void {
    while (this.#waiting.length > 0) {
      const given = this.#give();
      if (given === null) return;
      this.#waiting.shift()?.(given);
    }
  }
}
