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
}

export interface Block {
  /** This many documents were allowed at work. */
  readonly number: number;
  readonly documents: number;
  /** The task times add up to this, ms. */
  readonly taskMs: number;
  readonly bytes: number;
  /** The block lasted this long, ms. */
  readonly elapsedMs: number;
}

/** A document may begin this much later than another one has ended, ms; after that there was a pause. */
const maxIdleMs = 100;

/** Puts completions into blocks. Completions after a change of the number are left out until it is felt. */
export class BlockMeter {
  #number: number;
  #size = 1;
  #skip = 1;
  #beganMs = 0;
  #latestMs = 0;
  #documents = 0;
  #taskMs = 0;
  #bytes = 0;
  readonly #sizes = new SizeModel();

  constructor(number: number) {
    this.#number = number;
  }

  /** This knows how the time of a task depends on its document's size. */
  get sizes(): SizeModel {
    return this.#sizes;
  }

  /**
   * Begins blocks of `size` documents.
   * @param skip this many documents are left out first: they began before the number changed
   */
  restart({ number, size, skip }: { number: number; size: number; skip: number }): void {
    this.#number = number;
    this.#size = size;
    // A block lasts from one completion to another: tasks that began together also end together.
    this.#skip = Math.max(skip, 1);
    this.#empty(0);
  }

  /** Returns the block if this completion ends it, or null. */
  add({ atMs, taskMs, bytes }: Completion): Block | null {
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
    if (this.#documents < this.#size) return null;
    const block = {
      number: this.#number,
      documents: this.#documents,
      taskMs: this.#taskMs,
      bytes: this.#bytes,
      elapsedMs: Math.max(atMs - this.#beganMs, 1e-6),
    };
    this.#empty(atMs);
    return block;
  }

  #empty(beganMs: number): void {
    this.#beganMs = beganMs;
    this.#documents = 0;
    this.#taskMs = 0;
    this.#bytes = 0;
  }
}

/** Older documents count half after 2000. */
const keep = 0.5 ** (1 / 2000);

/**
 * Regression of the task time on the document's size. A block with larger documents is expected to take
 * longer, and only what goes beyond that says something about the number at work.
 */
export class SizeModel {
  #n = 0;
  #bytes = 0;
  #ms = 0;
  #bytes2 = 0;
  #cross = 0;
  #ms2 = 0;

  add(ms: number, bytes: number): void {
    this.#n = this.#n * keep + 1;
    this.#bytes = this.#bytes * keep + bytes;
    this.#ms = this.#ms * keep + ms;
    this.#bytes2 = this.#bytes2 * keep + bytes * bytes;
    this.#cross = this.#cross * keep + ms * bytes;
    this.#ms2 = this.#ms2 * keep + ms * ms;
  }

  get meanMs(): number {
    return this.#n === 0 ? 0 : this.#ms / this.#n;
  }

  /**
   * Returns a function that gives the expected time of a block's documents relative to documents of the
   * usual size. It is their number where time does not depend on size.
   */
  frozen(): (block: Pick<Block, 'documents' | 'bytes'>) => number {
    const slope = this.#slope();
    const mean = { bytes: this.#bytes / this.#n, ms: this.#ms / this.#n };
    if (slope === 0 || mean.ms <= 0) return ({ documents }) => documents;
    return ({ documents, bytes }) => {
      const expected = documents * (mean.ms - slope * mean.bytes) + slope * bytes;
      return Math.max(expected / mean.ms, documents * 0.01);
    };
  }

  /** ms per byte; 0 unless it is three standard errors above 0. A time that falls with size is no cost. */
  #slope(): number {
    const n = this.#n;
    const spread = this.#bytes2 - this.#bytes ** 2 / n;
    if (n < 30 || spread <= 1e-9 * this.#bytes2) return 0;
    const cross = this.#cross - (this.#bytes * this.#ms) / n;
    const slope = Math.min(cross / spread, this.#ms / this.#bytes);
    const left = Math.max(this.#ms2 - this.#ms ** 2 / n - cross ** 2 / spread, 0);
    return slope > 3 * Math.sqrt(left / (n - 2) / spread) ? slope : 0;
  }
}
