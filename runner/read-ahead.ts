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
  #atWork: number;
  #taskMs: number | null = null;

  /** @param atWork documents at the same time: one per worker, where a worker runs one at a time */
  constructor(atWork: number) {
    this.#atWork = atWork;
  }

  /** This many documents run at the same time from now on. */
  set atWork(documents: number) {
    this.#atWork = documents;
  }

  /** Bytes allowed per source: those of its documents, and of its outcomes until they are taken. */
  get bytes(): number {
    return Math.max(32, 4 * this.#atWork) * 2 ** 20;
  }

  /** Documents that are always allowed, however large they are. */
  get minDocuments(): number {
    return this.#atWork + moreThanWorkers;
  }

  /** Documents allowed per source until their outcomes are taken: these may wait for the caller. */
  get outcomes(): number {
    return Math.max(3072, 96 * this.#atWork);
  }

  /** Takes the time of one task into the mean, milliseconds. */
  learn(taskMs: number): void {
    this.#taskMs = this.#taskMs === null ? taskMs : this.#taskMs + (taskMs - this.#taskMs) * weight;
  }

  /** Documents without an outcome allowed per source; four a worker until the first task has ended. */
  get documents(): number {
    return this.#within(aheadMs, minPerWorker * this.#atWork);
  }

  /** Documents of an asynchronous source that may wait for the session. */
  get ready(): number {
    return this.#within(readyMs, minReady * this.#atWork);
  }

  #within(ms: number, min: number): number {
    if (this.#taskMs === null) return min;
    return Math.max(min, Math.min(this.outcomes, (this.#atWork * ms) / this.#taskMs));
  }
}
