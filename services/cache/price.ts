/**
 * Tells from the first documents of a worker whether the task takes long enough for a cache: a hash of the
 * document, and some writes, are added to each document that is not found.
 */
export class Price {
  #left = ignored;
  readonly #seen: Cost[] = [];

  /** True when enough documents were seen. */
  get isKnown(): boolean {
    return this.#seen.length === measured;
  }

  /** Returns why the cache costs more than it saves; null when it does not, and while that is unknown. */
  learn(taskMs: number, hashMs: number): string | null {
    if (this.#left-- > 0) return null; // neither the task nor the hash is compiled yet
    this.#seen.push({ taskMs, hashMs });
    if (!this.isKnown) return null;
    const middle = [...this.#seen].sort((a, b) => hashesIn(a) - hashesIn(b))[measured >> 1] as Cost;
    if (hashesIn(middle) >= minHashes) return null;
    return (
      `the cache is off: the task takes ${milliseconds(middle.taskMs)} for a document, and a hash of the ` +
      `document takes ${milliseconds(middle.hashMs)}; expected a task of at least ${minHashes} hashes ` +
      `(${milliseconds(minHashes * middle.hashMs)}), because others are as fast without a cache`
    );
  }
}

interface Cost {
  readonly taskMs: number;
  readonly hashMs: number;
}

function hashesIn({ taskMs, hashMs }: Cost): number {
  return taskMs / hashMs;
}

/** Documents that do not count, and documents that do. */
const ignored = 10;
const measured = 21;
/** A task that takes less than this many hashes of its document gets no cache. */
const minHashes = 20;

function milliseconds(ms: number): string {
  return `${Number(ms.toPrecision(2))} ms`;
}
