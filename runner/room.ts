/** A source is ahead by about so much work of every worker: enough that none waits, little enough that a drain is soon over. */
const aheadMs = 1000;
/** Fewer would leave workers without work; it is also what a pool has submitted, so that the second is there when the first ends. */
const leastPerWorker = 4;
/** One outcome counts for so much of the mean. */
const weight = 1 / 16;

/**
 * How far sources may be ahead of who takes their outcomes: by number as the tasks take time, up to what the strategies themselves
 * hold (a table of two thousand documents, or sixty-four a worker, and a window of 1,024), and by bytes (an arena and a window of 16 MiB each).
 */
export class Room {
  readonly bytes: number;
  /** So many there may always be, however large and slow. */
  readonly least: number;
  readonly #workers: number;
  readonly #most: number;
  #taskMs: number | null = null;

  constructor(workers: number) {
    this.#workers = workers;
    this.least = leastPerWorker * workers;
    this.#most = Math.max(3072, 96 * workers);
    this.bytes = Math.max(32, 4 * workers) * 2 ** 20;
  }

  /** What a task has taken, milliseconds. */
  learn(taskMs: number): void {
    this.#taskMs = this.#taskMs === null ? taskMs : this.#taskMs + (taskMs - this.#taskMs) * weight;
  }

  /** Of one source. Before any task has ended: few. */
  get documents(): number {
    if (this.#taskMs === null) return this.least;
    return Math.max(this.least, Math.min(this.#most, (this.#workers * aheadMs) / this.#taskMs));
  }
}
