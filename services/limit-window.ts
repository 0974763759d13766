/**
 * One limit: a number of units in any window of this length. A unit is held until it is known when its
 * request had arrived at the latest, and counts for the window's length from then on: see `rate-limiter.ts`.
 *
 * Arrivals are counted per bucket of time, and a bucket is given back as a whole when its latest moment is
 * over. That costs a five-hundredth of the window, and makes the memory of a limit constant.
 */
export class LimitWindow {
  readonly perMs: number;
  #max: number;
  readonly #bucketMs: number;
  readonly #counts: Float64Array;
  /** Number of the oldest bucket that counts. */
  #first = 0;
  /** Number of the newest bucket that has units. */
  #last = 0;
  #arrived = 0;
  #held = 0;

  constructor(max: number, perMs: number) {
    this.#max = max;
    this.perMs = perMs;
    this.#bucketMs = perMs / buckets;
    // An arrival may be noted as later than now: an estimate says "at the latest".
    this.#counts = new Float64Array(3 * buckets);
  }

  get max(): number {
    return this.#max;
  }

  /** Units that are held or count remain; a smaller limit is reached when enough of them are free. */
  set max(max: number) {
    this.#max = max;
  }

  /** Units that are held or count now. */
  taken(nowMs: number): number {
    this.#release(nowMs);
    return this.#arrived + this.#held;
  }

  hold(units: number): void {
    this.#held += units;
  }

  unhold(units: number): void {
    this.#held -= units;
  }

  /** Counts units that have arrived at this time at the latest. Negative units take a count back. */
  count(units: number, arrivedMs: number): void {
    const bucket = Math.floor(arrivedMs / this.#bucketMs);
    if (units < 0 && (this.#arrived === 0 || bucket < this.#first)) return; // they no longer count
    if (this.#arrived === 0) {
      this.#first = bucket;
      this.#last = bucket;
    }
    // What is older than all that counts is kept as long as that; what is much newer, as long as the newest.
    const kept = Math.min(Math.max(bucket, this.#first), this.#first + this.#counts.length - 1);
    this.#last = Math.max(this.#last, kept);
    const place = kept % this.#counts.length;
    const before = this.#counts[place] as number;
    const after = Math.max(0, before + units);
    this.#counts[place] = after;
    this.#arrived += after - before;
  }

  /**
   * Returns when this many units are free, if nothing else is taken until then; infinity where it is unknown.
   */
  freeAt(units: number, nowMs: number): number {
    let missing = this.taken(nowMs) + units - this.#max;
    if (missing <= 0) return nowMs;
    for (let bucket = this.#first; bucket <= this.#last; bucket++) {
      missing -= this.#counts[bucket % this.#counts.length] as number;
      if (missing <= 0) return this.#releasedAt(bucket);
    }
    return Number.POSITIVE_INFINITY; // units that are held decide
  }

  #release(nowMs: number): void {
    while (this.#arrived > 0 && this.#releasedAt(this.#first) <= nowMs) {
      const place = this.#first % this.#counts.length;
      this.#arrived -= this.#counts[place] as number;
      this.#counts[place] = 0;
      this.#first++;
    }
  }

  #releasedAt(bucket: number): number {
    return (bucket + 1) * this.#bucketMs + this.perMs;
  }
}

const buckets = 500;
