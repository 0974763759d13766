/** First in, first out, at any length. `Array.shift` is too slow for this: it moves every later item. */
export class Fifo<Item> {
  #items: Item[] = [];
  #at = 0;

  get length(): number {
    return this.#items.length - this.#at;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** The item that is shifted next; null when there is none. */
  get first(): Item | null {
    return this.#at === this.#items.length ? null : (this.#items[this.#at] as Item);
  }

  shift(): Item | null {
    if (this.#at === this.#items.length) return null;
    const item = this.#items[this.#at] as Item;
    this.#items[this.#at++] = undefined as Item; // lets the garbage collector free the item
    if (this.#at === this.#items.length || this.#at > 1024) {
      this.#items = this.#items.slice(this.#at);
      this.#at = 0;
    }
    return item;
  }

  /** Takes everything. */
  empty(): Item[] {
    const items = this.#items.slice(this.#at);
    this.#items = [];
    this.#at = 0;
    return items;
  }
}
