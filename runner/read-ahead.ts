/**
 * Documents that were pulled and have no outcome are about this much work per worker, ms: no worker waits,
 * and a drain is soon over.
 */
const aheadMs = 100;
/** Documents that wait for the session are about this much work per worker, ms, and at least two. */
const readyMs = 10;
const minReady = 2;
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
  /** Bytes allowed per source: those of its documents, and of its outcomes until they are taken. */
  readonly bytes: number;
  /** Documents that are always allowed, however large they are. */
  readonly minDocuments: number;
  /** Documents allowed per source until their outcomes are taken: these may wait for the caller. */
  readonly outcomes: number;
  readonly #workers: number;
  /** Documents that are always allowed, however slow they are, where the bytes allow them. */
  readonly #minSmall: number;
  #taskMs: number | null = null;

  constructor(workers: number) {
    this.#workers = workers;
    this.minDocuments = workers + moreThanWorkers;
    this.#minSmall = minPerWorker * workers;
    this.outcomes = Math.max(3072, 96 * workers);
    this.bytes = Math.max(32, 4 * workers) * 2 ** 20;
  }

  /** Takes the time of one task into the mean, milliseconds. */
  learn(taskMs: number): void {
    this.#taskMs = this.#taskMs === null ? taskMs : this.#taskMs + (taskMs - this.#taskMs) * weight;
  }

  /** Documents without an outcome allowed per source; four a worker until the first task has ended. */
  get documents(): number {
    return this.#within(aheadMs, this.#minSmall);
  }

  /** Documents of an asynchronous source that may wait for the session. */
  get ready(): number {
    return this.#within(readyMs, minReady * this.#workers);
  }

  #within(ms: number, min: number): number {
    if (this.#taskMs === null) return min;
    return Math.max(min, Math.min(this.outcomes, (this.#workers * ms) / this.#taskMs));
  }
}
