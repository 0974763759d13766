import { clearTimeout, setTimeout } from 'node:timers';

/** A count works for this long, ms, and then leaves the thread to the job for `pauseMs`. */
const sliceMs = 5;
const pauseMs = 100;

/**
 * Counts the documents of a job beside the job itself, which does not know how many there are while it walks
 * through them.
 */
export class FileCount {
  readonly #batches: Iterator<readonly unknown[]>;
  readonly #counted: (total: number) => void;
  #total = 0;
  #ended = false;
  #timer: NodeJS.Timeout | null = null;

  /** @param counted gets the number of documents, once */
  constructor(batches: Iterable<readonly unknown[]>, counted: (total: number) => void) {
    this.#batches = batches[Symbol.iterator]();
    this.#counted = counted;
  }

  /** Counts in small slices after this time, ms. */
  begin(afterMs: number): void {
    this.#timer = setTimeout(() => {
      this.#slice();
      if (!this.#ended) this.begin(pauseMs);
    }, afterMs);
  }

  /** Counts the rest without pauses. */
  async finish(): Promise<void> {
    this.stop();
    while (!this.#ended) {
      this.#slice();
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #slice(): void {
    const endMs = performance.now() + sliceMs;
    try {
      while (performance.now() < endMs) {
        const next = this.#batches.next();
        this.#ended = next.done === true;
        if (next.done) break;
        this.#total += next.value.length;
      }
    } catch {
      this.#ended = true; // there is no file any more, and the job says so itself
    }
    if (this.#ended) this.#counted(this.#total);
  }
}
