/**
 * One limit: a number of units in any window of this length, at the server. The caller knows when a slot was
 * used and not when its request arrived, so units count for the window and for the jitter of the way there:
 * whatever arrives within a window was used within a window and that jitter.
 *
 * Used units are counted per bucket of time, and a bucket is given back as a whole when its latest moment is
 * over. That costs a five-hundredth of the window, and makes the memory of a limit constant.
 */
export class LimitWindow {
  readonly max: number;
  readonly perMs: number;
  readonly #bucketMs: number;
  readonly #counts: Float64Array;
  /** Number of the oldest bucket that counts. */
  #first = 0;
  /** Number of the newest bucket that has units. */
  #last = 0;
  #used = 0;
  #held = 0;
  #jitterMs: number;

  constructor(max: number, perMs: number, jitterMs: number) {
    this.max = max;
    this.perMs = perMs;
    this.#jitterMs = jitterMs;
    this.#bucketMs = perMs / buckets;
    // Jitter may grow to a tenth of the window; units may also be noted a little late.
    this.#counts = new Float64Array(Math.ceil(1.5 * buckets));
  }

  get jitterMs(): number {
    return this.#jitterMs;
  }

  /** Doubles the jitter that is allowed for, up to a tenth of the window. */
  allowMoreJitter(): void {
    this.#jitterMs = Math.min(2 * this.#jitterMs, this.perMs / 10);
  }

  /** Keeps units for a slot that was given and not used yet. */
  hold(units: number): void {
    this.#held += units;
  }

  /** The slot was not used. */
  unhold(units: number): void {
    this.#held -= units;
  }

  /** Counts units that were used at this time. Negative units take a count back. */
  use(units: number, usedMs: number): void {
    this.#release(usedMs);
    const bucket = Math.floor(usedMs / this.#bucketMs);
    if (units < 0 && bucket < this.#first) return; // they no longer count
    if (this.#used === 0) {
      this.#first = bucket;
      this.#last = bucket;
    }
    const kept = Math.max(bucket, this.#first);
    this.#last = Math.max(this.#last, kept);
    const place = kept % this.#counts.length;
    const before = this.#counts[place] as number;
    const after = Math.max(0, before + units);
    this.#counts[place] = after;
    this.#used += after - before;
  }

  /**
   * Returns when this many units are free, if nothing else is used until then; infinity where it is unknown.
   */
  freeAt(units: number, nowMs: number): number {
    this.#release(nowMs);
    let missing = this.#used + this.#held + units - this.max;
    if (missing <= 0) return nowMs;
    for (let bucket = this.#first; bucket <= this.#last; bucket++) {
      missing -= this.#counts[bucket % this.#counts.length] as number;
      if (missing <= 0) return this.#releasedAt(bucket);
    }
    return Number.POSITIVE_INFINITY; // slots that are held decide
  }

  #release(nowMs: number): void {
    while (this.#used > 0 && this.#releasedAt(this.#first) <= nowMs) {
      const place = this.#first % this.#counts.length;
      this.#used -= this.#counts[place] as number;
      this.#counts[place] = 0;
      this.#first++;
    }
  }

  #releasedAt(bucket: number): number {
    return (bucket + 1) * this.#bucketMs + this.perMs + this.#jitterMs;
  }
}

const buckets = 500;
