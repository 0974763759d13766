import type { Outcome } from '../strategies/strategy.js';

/**
 * Outcomes that wait for the caller, each at a position. They are taken by position, from 0 on; a position
 * may be filled after later ones.
 */
export class OutcomeRing {
  #outcomes: (Outcome | null)[] = new Array(64).fill(null);
  #sizes: number[] = new Array(64).fill(0);
  #first = 0;
  #bytes = 0;

  /** The position that is taken next, which is the number of outcomes taken so far. */
  get first(): number {
    return this.#first;
  }

  /** Sum of the sizes that were put in with the outcomes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True when `take` gives an outcome. */
  get hasNext(): boolean {
    return this.#outcomes[this.#first & (this.#outcomes.length - 1)] !== null;
  }

  put(position: number, outcome: Outcome, bytes: number): void {
    while (position - this.#first >= this.#outcomes.length) this.#grow();
    const at = position & (this.#outcomes.length - 1);
    this.#outcomes[at] = outcome;
    this.#sizes[at] = bytes;
    this.#bytes += bytes;
  }

  /** The outcome at the first position; null while it is not there. */
  take(): Outcome | null {
    const at = this.#first & (this.#outcomes.length - 1);
    const outcome = this.#outcomes[at] as Outcome | null;
    if (outcome === null) return null;
    this.#outcomes[at] = null;
    this.#bytes -= this.#sizes[at] as number;
    this.#first++;
    return outcome;
  }

  #grow(): void {
    const length = this.#outcomes.length;
    const outcomes = new Array<Outcome | null>(2 * length).fill(null);
    const sizes = new Array<number>(2 * length).fill(0);
    for (let position = this.#first; position < this.#first + length; position++) {
      outcomes[position & (2 * length - 1)] = this.#outcomes[position & (length - 1)] as Outcome | null;
      sizes[position & (2 * length - 1)] = this.#sizes[position & (length - 1)] as number;
    }
    this.#outcomes = outcomes;
    this.#sizes = sizes;
  }
}
