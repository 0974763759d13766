/**
 * A source is read ahead by about this much work per worker, ms: no worker waits, and a drain is soon over.
 */
const aheadMs = 1000;
/**
 * Documents that are always allowed per worker, within the bytes. Fewer would leave workers without work; a
 * pool, too, has submitted this many, so that the next document is there when one ends.
 */
const minPerWorker = 4;
/**
 * This many documents more than there are workers are allowed, however large they are: the next ones are
 * there when two end at about the same time.
 */
const moreThanWorkers = 2;
/** Weight of one outcome in the running mean of task times. */
const weight = 1 / 16;

/**
 * How far a source may be read ahead of the caller that takes its outcomes. The number of documents depends
 * on how long tasks take, up to what the strategies hold themselves: a table of 2,000 documents or 64 per
 * worker, and a window of 1,024. The bytes are an arena and a window of 16 MiB each.
 */
export class ReadAhead {
  /** Bytes allowed per source. */
  readonly bytes: number;
  /** Documents that are always allowed, however large they are. */
  readonly minDocuments: number;
  readonly #workers: number;
  /** Documents that are always allowed, however slow they are, where the bytes allow them. */
  readonly #minSmall: number;
  readonly #maxDocuments: number;
  #taskMs: number | null = null;

  constructor(workers: number) {
    this.#workers = workers;
    this.minDocuments = workers + moreThanWorkers;
    this.#minSmall = minPerWorker * workers;
    this.#maxDocuments = Math.max(3072, 96 * workers);
    this.bytes = Math.max(32, 4 * workers) * 2 ** 20;
  }

  /** Takes the time of one task into the mean, milliseconds. */
  learn(taskMs: number): void {
    this.#taskMs = this.#taskMs === null ? taskMs : this.#taskMs + (taskMs - this.#taskMs) * weight;
  }

  /** Documents allowed per source; four a worker until the first task has ended. */
  get documents(): number {
    if (this.#taskMs === null) return this.#minSmall;
    const documents = (this.#workers * aheadMs) / this.#taskMs;
    return Math.max(this.#minSmall, Math.min(this.#maxDocuments, documents));
  }
}
