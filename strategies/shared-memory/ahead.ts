/** The work in front of the workers is limited, in milliseconds of task time for each worker. */
export interface AheadLimits {
  /** Documents that are published and that no worker has claimed. */
  readonly publishedMs: number;
  /** Documents that were taken from the source and that no worker has claimed: at least `publishedMs`. */
  readonly pulledMs: number;
  /** True for a strategy that splits a synchronous source up front: only other sources are limited. */
  readonly streamsOnly: boolean;
}

/**
 * A worker may always have this many documents in front of it: one that it claims next, and one that remains
 * until the caller knows that there is room.
 */
const minDocuments = 2;
/**
 * Outcomes wait for others at most this long while a worker has work, ms: see `isTime` in `unreported.ts`.
 * The caller publishes when it hears of them.
 */
export const flushMs = 4;
/** Weight of one outcome in the running mean of task times. */
const weight = 1 / 16;

/**
 * Says how many documents may be in front of the workers, so that none waits long and no worker runs dry. The
 * number follows a running mean of task times. It is small until the first outcome has come; with tasks of
 * microseconds it is then larger than the arena, and no longer a limit.
 */
export class Ahead {
  readonly #limits: AheadLimits | null;
  #limited = false;
  #taskMs: number | null = null;

  constructor(limits: AheadLimits | null) {
    this.#limits = limits;
  }

  /** Begins a run. The mean of earlier runs remains. */
  begin(isSync: boolean): void {
    this.#limited = this.#limits !== null && !(this.#limits.streamsOnly && isSync);
  }

  /** Running mean of task times, ms; null until the first outcome. */
  get taskMs(): number | null {
    return this.#taskMs;
  }

  /** Takes the time of one task into the mean. */
  learn(taskMs: number): void {
    this.#taskMs = this.#taskMs === null ? taskMs : this.#taskMs + (taskMs - this.#taskMs) * weight;
  }

  /** Documents that may be published and unclaimed in front of these workers. */
  published(workers: number): number {
    return this.#documents('publishedMs', workers);
  }

  /** Documents that may have been taken from the source and be unclaimed in front of these workers. */
  pulled(workers: number): number {
    return this.#documents('pulledMs', workers);
  }

  #documents(limit: 'publishedMs' | 'pulledMs', workers: number): number {
    if (!this.#limited || this.#limits === null) return Number.POSITIVE_INFINITY;
    const few = minDocuments * workers;
    if (this.#taskMs === null) return few;
    const ofWork = Math.floor((this.#limits[limit] * workers) / this.#taskMs);
    return Math.max(few, ofWork, this.#betweenReports() + workers);
  }

  /**
   * Documents that a worker ends between two reports, the one included whose time is over then. With one more
   * for each worker, a worker that has just reported finds a document while the caller publishes others. A
   * lone worker had none for a tenth of a millisecond a document, with tasks of 1 to 2.5 ms.
   */
  #betweenReports(): number {
    return Math.floor(flushMs / (this.#taskMs as number)) + 1;
  }
}
