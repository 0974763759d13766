/** A page: writing whole pages is faster. */
const alignment = 4096;

/**
 * Gives out the places of a file that is used as a ring: places are freed in the order in which they were
 * taken. When all are free, the file is used from its beginning again, because memory that was used a moment
 * ago is in the processor's cache.
 */
export class PartPlaces {
  readonly #bytes: number;
  /** The taken places, the oldest first. */
  readonly #taken: { readonly at: number; readonly end: number }[] = [];

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Returns where the part begins; null when there is no room for it now. */
  take(bytes: number): number | null {
    const at = this.#roomFor(bytes);
    if (at !== null) this.#taken.push({ at, end: at + Math.ceil(bytes / alignment) * alignment });
    return at;
  }

  /** Frees this many of the oldest places. */
  free(count: number): void {
    this.#taken.splice(0, count);
  }

  /** Takes this many of the newest places back: their parts are in no message. */
  giveBack(count: number): void {
    this.#taken.splice(this.#taken.length - count, count);
  }

  #roomFor(bytes: number): number | null {
    const [oldest] = this.#taken;
    const newest = this.#taken.at(-1);
    if (oldest === undefined || newest === undefined) return bytes <= this.#bytes ? 0 : null;
    const isWrapped = newest.at < oldest.at;
    if (isWrapped) return newest.end + bytes <= oldest.at ? newest.end : null;
    if (newest.end + bytes <= this.#bytes) return newest.end;
    return bytes <= oldest.at ? 0 : null;
  }
}
