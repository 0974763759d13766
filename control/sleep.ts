import type { Block } from './blocks.js';
import { type Change, ChangeDetector } from './change.js';
import { sizesDiffer } from './sizes.js';

export interface SleepOptions {
  /** Blocks that are there already, at a number with the same rate. */
  readonly known: readonly Block[];
  /** A window has this many blocks. */
  readonly window: number;
  /** Gives the logarithm of a block's rate. */
  readonly logRate: (block: Block) => number;
  /** A change must be this many times larger than the first blocks say. */
  readonly dullness: number;
}

/** Looks at blocks while nothing is tried, and notices what is a reason to try something again. */
export class Sleep {
  readonly #change: ChangeDetector;
  readonly #logRate: (block: Block) => number;
  readonly #window: number;
  readonly #first: Block[];
  readonly #latest: Block[] = [];
  #blocks = 0;

  constructor({ known, window, logRate, dullness }: SleepOptions) {
    this.#change = new ChangeDetector(dullness);
    this.#window = window;
    this.#logRate = logRate;
    this.#first = [...known];
    for (const block of known) this.#change.learn(logRate(block));
  }

  /** Returns which way the rate has changed, or null. */
  add(block: Block): Change | null {
    this.#blocks++;
    if (this.#first.length < 4 * this.#window) this.#first.push(block);
    this.#latest.push(block);
    if (this.#latest.length > this.#window) this.#latest.shift();
    return this.#change.add(this.#logRate(block));
  }

  /** Windows that have passed: a whole number where one ends. */
  get windows(): number {
    return this.#blocks / this.#window;
  }

  /** The blocks of the last window. */
  get latest(): readonly Block[] {
    return this.#latest;
  }

  /** Returns true if the block's documents have other sizes than the first ones had. */
  sizesChanged(block: Block): boolean {
    return sizesDiffer(this.#first, block);
  }
}
