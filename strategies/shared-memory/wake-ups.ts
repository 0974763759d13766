/**
 * A sleeping worker is woken for about this much work, ms, and another one for each time as much. Waking a
 * thread whose core has gone to sleep takes about 10 µs of the caller's time, as long as several short tasks.
 */
const workMs = 0.5;
/** A worker spends this long on a document beside its task, and on each of its bytes, ms. */
const besideTask = { documentMs: 1e-3, byteMs: 1e-7 };

/** What the caller knows of one queue. */
export interface QueueState {
  /** The caller has published this many documents so far. */
  readonly published: number;
  /** No worker has claimed this many of them. */
  readonly unclaimed: number;
  /** They have about this many bytes each. */
  readonly documentBytes: number;
  /** Their tasks take about this long, ms; null: unknown. */
  readonly taskMs: number | null;
}

/**
 * Decides how many workers of one queue to wake for published documents. A worker that is awake claims them
 * by itself, and one worker may be enough for short tasks: when all are woken after every few documents, all
 * are soon asleep again. Documents that nothing claims wait for `workMs` at most while others are published,
 * and not at all once the caller waits for something.
 */
export class WakeUps {
  /** Workers that were woken for the work that waits now. */
  #woken = 0;
  #wokenMs = Number.NEGATIVE_INFINITY;
  /** Workers that were woken since the last claim: they are on their way. */
  #coming = 0;
  #claimed = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** Returns how many workers to wake. Call it after documents were published. */
  due({ published, unclaimed, documentBytes, taskMs }: QueueState, nowMs: number): number {
    const isServed = this.#learn(published - unclaimed) && nowMs - this.#lookedMs < workMs;
    this.#lookedMs = nowMs;
    const documentMs =
      taskMs === null ? workMs : taskMs + besideTask.documentMs + documentBytes * besideTask.byteMs;
    const wanted = Math.floor((unclaimed * documentMs) / workMs);
    const isLate = unclaimed > 0 && !isServed && nowMs - this.#wokenMs >= workMs;
    const due = Math.max(wanted - this.#woken, isLate ? 1 : 0);
    this.#woken = wanted;
    if (due > 0) this.#wokenMs = nowMs;
    this.#coming += due;
    return due;
  }

  /** Returns how many workers to wake before the caller waits: one for each document that waits. */
  dueAtRest({ published, unclaimed }: Pick<QueueState, 'published' | 'unclaimed'>): number {
    this.#learn(published - unclaimed);
    const due = Math.max(0, unclaimed - this.#coming);
    this.#coming += due;
    return due;
  }

  /** Returns whether documents were claimed since the last call. */
  #learn(claimed: number): boolean {
    const isServed = claimed !== this.#claimed;
    if (isServed) this.#coming = 0;
    this.#claimed = claimed;
    return isServed;
  }
}
