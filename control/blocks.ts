import { type Sized, SizeModel } from './sizes.js';

/**
 * Completions in blocks of equal numbers, and what a block says about the rate.
 *
 * A block's rate is the number at work ÷ the mean task time (Little's law). It is not the number of
 * completions ÷ time: tasks that began together end together, so completions come in bursts, and the time
 * between two of them says little.
 */

/** A document has ended. */
export interface Completion {
  readonly atMs: number;
  /** The task took this time, ms. */
  readonly taskMs: number;
  readonly bytes: number;
  /** Documents that were here when it ended, at work or waiting for a worker, itself included. */
  readonly held: number;
}

export interface Block extends Sized {
  /** This many documents were allowed at work. */
  readonly number: number;
  /** The task times add up to this, ms. */
  readonly taskMs: number;
  /** The block lasted this long, ms. */
  readonly elapsedMs: number;
  /** The highest `Completion.held`: tasks that began together also end together, and others come then. */
  readonly held: number;
}

/** A block has at least this many documents. */
const minBlock = 16;
/** A block lasts about this long at least, ms: machines are slow and fast for shorter times. */
const minBlockMs = 100;
/** A document may begin this much later than another one has ended, ms; after that there was a pause. */
const maxIdleMs = 100;

/** Puts completions into blocks. Completions after a change of the number are left out until it is felt. */
export class BlockMeter {
  readonly #workers: number;
  #number = 1;
  #size = 1;
  #skip = 1;
  #beganMs = 0;
  #latestMs = 0;
  #documents = 0;
  #taskMs = 0;
  #bytes = 0;
  #held = 0;
  readonly #sizes = new SizeModel();

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** A block has this many documents. */
  get size(): number {
    return this.#size;
  }

  /** This knows how the time of a task depends on its document's size. */
  get sizes(): SizeModel {
    return this.#sizes;
  }

  /**
   * Begins new blocks at this number.
   * @param felt the larger of the numbers before and now
   * @param skipped documents left out, as a multiple of what is at work: they began before the number changed
   */
  restart({ number, felt, skipped }: { number: number; felt: number; skipped: number }): void {
    const atWork = felt * this.#workers;
    const { meanMs } = this.#sizes;
    const short = meanMs === 0 ? 0 : Math.ceil((atWork * minBlockMs) / meanMs);
    this.#number = number;
    this.#size = Math.max(minBlock, atWork, short);
    // A block lasts from one completion to another: tasks that began together also end together.
    this.#skip = Math.max(skipped * atWork, 1);
    this.#empty(0);
  }

  /** Returns the block if this completion ends it, or null. */
  add({ atMs, taskMs, bytes, held }: Completion): Block | null {
    this.#sizes.add(taskMs, bytes);
    const idleMs = atMs - taskMs - this.#latestMs;
    this.#latestMs = atMs;
    // A block with a pause says nothing about the number: there was no work.
    if (idleMs > maxIdleMs) this.#empty(atMs);
    if (this.#skip > 0) {
      this.#skip--;
      this.#beganMs = atMs;
      return null;
    }
    this.#documents++;
    this.#taskMs += taskMs;
    this.#bytes += bytes;
    this.#held = Math.max(this.#held, held);
    if (this.#documents < this.#size) return null;
    const block = {
      number: this.#number,
      documents: this.#documents,
      taskMs: this.#taskMs,
      bytes: this.#bytes,
      elapsedMs: Math.max(atMs - this.#beganMs, 1e-6),
      held: this.#held,
    };
    this.#empty(atMs);
    return block;
  }

  #empty(beganMs: number): void {
    this.#beganMs = beganMs;
    this.#documents = 0;
    this.#taskMs = 0;
    this.#bytes = 0;
    this.#held = 0;
  }
}

/** Documents at work ÷ documents that were allowed. */
export function busy(blocks: readonly Block[], workers: number): number {
  return (
    sum(blocks, ({ taskMs }) => taskMs) / sum(blocks, ({ elapsedMs }) => elapsedMs) / allowed(blocks, workers)
  );
}

/** A higher number would not be used where fewer documents are here than this share of the number. */
const enoughSupplied = 0.9;

/** True where fewer documents came than were allowed at work. */
export function starved(blocks: readonly Block[], workers: number): boolean {
  return sum(blocks, ({ held }) => held) / blocks.length / allowed(blocks, workers) < enoughSupplied;
}

function allowed(blocks: readonly Block[], workers: number): number {
  return (blocks[0] as Block).number * workers;
}

function sum(blocks: readonly Block[], of: (block: Block) => number): number {
  return blocks.reduce((total, block) => total + of(block), 0);
}
