import type { Box } from '../session/box.js';

/** Lets documents through while fewer than a number of them are in flight. The number may change. */
export class Gate {
  #number: number;
  #inFlight = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(number: number) {
    this.#number = number;
  }

  get number(): number {
    return this.#number;
  }

  setNumber(number: number): void {
    this.#number = number;
    this.#open();
  }

  /** A document that was let through has its outcome. */
  leave(): void {
    this.#inFlight--;
    this.#open();
  }

  /** Returns the same source, whose documents wait here until there is room. */
  through(boxes: Iterable<Box> | AsyncIterable<Box>): AsyncIterable<Box> {
    return {
      [Symbol.asyncIterator]: () => {
        const source =
          Symbol.asyncIterator in boxes ? boxes[Symbol.asyncIterator]() : boxes[Symbol.iterator]();
        return {
          next: () => {
            if (this.#inFlight >= this.#number)
              return new Promise((resolve) => this.#waiting.push(() => resolve(this.#next(source))));
            this.#inFlight++;
            return this.#next(source);
          },
          return: async () => (await source.return?.()) ?? { done: true, value: undefined },
        };
      },
    };
  }

  #next(source: Iterator<Box> | AsyncIterator<Box>): Promise<IteratorResult<Box>> {
    const next = source.next();
    return next instanceof Promise
      ? next.then((next) => this.#passed(next))
      : Promise.resolve(this.#passed(next));
  }

  #passed(next: IteratorResult<Box>): IteratorResult<Box> {
    if (next.done) this.leave();
    return next;
  }

  #open(): void {
    while (this.#inFlight < this.#number) {
      const enter = this.#waiting.shift();
      if (enter === undefined) return;
      this.#inFlight++;
      enter();
    }
  }
}
