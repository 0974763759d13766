import type { AnyDocument } from '../strategies/strategy.js';
import type { Input } from './pending.js';

/**
 * All inputs of a runner. `next` asks them in turn and takes one document from each, so that no input starves
 * another.
 */
export class Inputs {
  readonly #inputs: Input[];
  #turn = 0;
  #asking = false;
  #again = false;

  /** @param first the input that never leaves */
  constructor(first: Input) {
    this.#inputs = [first];
  }

  get count(): number {
    return this.#inputs.length;
  }

  get queued(): number {
    let queued = 0;
    for (const input of this.#inputs) queued += input.queued;
    return queued;
  }

  /** True while `next` is on the stack: it runs the caller's own code, which may call the runner. */
  get asking(): boolean {
    return this.#asking;
  }

  add(input: Input): void {
    this.#inputs.push(input);
  }

  remove(input: Input): void {
    const place = this.#inputs.indexOf(input);
    if (place >= 0) this.#inputs.splice(place, 1);
  }

  /** Notes that an input may have a document by now; a `next` on the stack then asks all inputs once more. */
  askAgain(): void {
    this.#again = true;
  }

  /** @param index the next document gets this index in the session's run */
  next(index: number): AnyDocument | null {
    this.#asking = true;
    let document: AnyDocument | null;
    do {
      this.#again = false;
      document = this.#askEach(index);
    } while (document === null && this.#again);
    this.#asking = false;
    return document;
  }

  stop(cause: unknown): void {
    for (const input of this.#inputs) input.stop(cause);
  }

  fail(cause: unknown): void {
    for (const input of this.#inputs) input.fail(cause);
  }

  #askEach(index: number): AnyDocument | null {
    for (let asked = 0; asked < this.#inputs.length; asked++) {
      this.#turn = (this.#turn + 1) % this.#inputs.length;
      const document = (this.#inputs[this.#turn] as Input).next(index);
      if (document !== null) return document;
    }
    return null;
  }
}
