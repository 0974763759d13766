import type { Block } from './blocks.js';
import type { SizeModel } from './sizes.js';

/**
 * What task times say about the number at work, for documents of the same sizes:
 *
 *   slowdown   task time ÷ the shortest that was seen
 *   knee       number ÷ slowdown: the service runs this many at once, and more only wait (Little's law)
 *   rate       number ÷ task time, or where fewer are at work: documents ÷ time
 */
/** These give the logarithm of a block's rate. */
export interface LogRates {
  /** The rate where the number that is allowed is at work. */
  readonly atWork: (block: Block) => number;
  /** The rate in any case, with more noise. */
  readonly done: (block: Block) => number;
}

export class TaskTimes {
  readonly #sizes: SizeModel;
  /** Task times were shortest in this window. */
  #shortest: readonly Block[] | null = null;

  constructor(sizes: SizeModel) {
    this.#sizes = sizes;
  }

  /** Remembers the blocks where their task times are the shortest so far. */
  see(blocks: readonly Block[]): void {
    if (this.#shortest === null || this.#timeOf(blocks) < this.#timeOf(this.#shortest)) this.need(blocks);
  }

  /** Documents need the times that they have taken in these blocks, so no slowdown is seen in them. */
  need(blocks: readonly Block[]): void {
    this.#shortest = [...blocks];
  }

  /** Documents are others now. */
  forget(): void {
    this.#shortest = null;
  }

  slowdown(blocks: readonly Block[]): number {
    return this.#shortest === null ? 1 : Math.max(1, this.#timeOf(blocks) / this.#timeOf(this.#shortest));
  }

  knee(blocks: readonly Block[]): number {
    return (blocks[0] as Block).number / this.slowdown(blocks);
  }

  /** Returns functions that judge sizes as they are now. */
  logRates(): LogRates {
    const expected = this.#sizes.frozen();
    return {
      atWork: (block) => Math.log((block.number * expected(block)) / Math.max(block.taskMs, 1e-9)),
      done: (block) => Math.log(expected(block) / block.elapsedMs),
    };
  }

  #timeOf(blocks: readonly Block[]): number {
    const expected = this.#sizes.frozen();
    let [taskMs, expectedMs] = [0, 0];
    for (const block of blocks) {
      taskMs += block.taskMs;
      expectedMs += expected(block);
    }
    return taskMs / expectedMs;
  }
}
