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
    return this.#taskMs === null
      ? few
      : Math.max(few, Math.floor((this.#limits[limit] * workers) / this.#taskMs));
  }
}
