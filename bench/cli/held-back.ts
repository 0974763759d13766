import { ready, type Source } from '../../strategies/session/source.js';
import type { InputOrder } from '../job/input-order.js';

/** Gives the items of a source as long as lines in the order of the input have room. */
export class HeldBack<Item> implements Source<Item> {
  readonly #items: Iterator<Item>;
  readonly #order: InputOrder;

  constructor(items: Iterable<Item>, order: InputOrder) {
    this.#items = items[Symbol.iterator]();
    this.#order = order;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [ready](): IteratorResult<Item> | null {
    return this.#order.isFull ? null : this.#items.next();
  }

  async next(): Promise<IteratorResult<Item>> {
    // An item that another call has taken in the meantime may have used the room.
    while (this.#order.isFull) await this.#order.room();
    return this.#items.next();
  }

  async return(): Promise<IteratorResult<Item>> {
    this.#items.return?.();
    return { done: true, value: undefined };
  }
}
