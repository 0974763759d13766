/**
 * Notices when a rate has changed: two one-sided cumulative sums (Page, 1954) of log rates around the mean
 * that was learned first.
 */

/** Values that are learned from before a change can be noticed. */
const learned = 16;
/** The mean goes on to follow this share of a value, so that its first estimate does not stay for ever. */
const follows = 1 / 64;
/** Differences below this share are never a change, however quiet the rate is. */
const minSpread = 0.03;
/** A sum grows by what a value is off, less this, in standard deviations. */
const slack = 0.75;
const threshold = 7;

export type Change = 'rose' | 'fell';

export class ChangeDetector {
  readonly #dullness: number;
  readonly #first: number[] = [];
  #mean = 0;
  #spread = 0;
  #rise = 0;
  #fall = 0;

  /** @param dullness differences are this many times as usual as the values that were learned say */
  constructor(dullness = 1) {
    this.#dullness = dullness;
  }

  /** A rate that was measured before; more of them than are needed do no harm. */
  learn(logRate: number): void {
    if (this.#first.length >= learned) this.#first.shift();
    this.#first.push(logRate);
    if (this.#first.length === learned) this.#learn();
  }

  /** Returns which way the rate has changed, or null. */
  add(logRate: number): Change | null {
    if (this.#first.length < learned) {
      this.learn(logRate);
      return null;
    }
    const off = (logRate - this.#mean) / this.#spread;
    this.#rise = Math.max(0, this.#rise + Math.min(off, threshold) - slack);
    this.#fall = Math.max(0, this.#fall - Math.max(off, -threshold) - slack);
    if (this.#rise > threshold) return 'rose';
    if (this.#fall > threshold) return 'fell';
    this.#mean += follows * (logRate - this.#mean);
    return null;
  }

  #learn(): void {
    const n = this.#first.length;
    this.#mean = this.#first.reduce((sum, value) => sum + value, 0) / n;
    const squares = this.#first.reduce((sum, value) => sum + (value - this.#mean) ** 2, 0);
    this.#spread = this.#dullness * Math.max(Math.sqrt(squares / (n - 1)), minSpread);
  }
}
