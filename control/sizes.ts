import { mean, squares } from '../bench/stats/estimate.js';

/** How the sizes of documents explain their times, and whether the sizes have changed. */

/** Some documents that have ended. */
export interface Sized {
  readonly documents: number;
  /** Their sizes add up to this. */
  readonly bytes: number;
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
  frozen(): (block: Sized) => number {
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

/** The sizes of documents have changed by this share. */
const sizeChange = 0.15;

/** Returns true if the sizes of the latest block are others than before, and not by chance. */
export function sizesDiffer(before: readonly Sized[], latest: Sized | undefined): boolean {
  if (before.length < 3 || latest === undefined) return false;
  const sizes = before.map(logSize);
  const spread = Math.sqrt(squares(sizes) / (sizes.length - 1));
  return Math.abs(logSize(latest) - mean(sizes)) > Math.max(sizeChange, 4 * spread);
}

function logSize({ bytes, documents }: Sized): number {
  return Math.log(bytes / documents + 1);
}
