import type { Stage } from './stage.js';

/** The queues of a pipeline have these sizes. */
export interface QueueLimits {
  /** Each queue has this many places. Absent: as many as keep workers busy. */
  readonly places?: number | undefined;
  /** All queues together hold about this much, bytes. */
  readonly bytes: number;
}

/** Collecting fewer bytes of buffers would cost more than it saves. */
const minGarbage = 2 ** 21;

/**
 * Returns how many bytes of buffers that are not used any more each thread may have. The caller's thread has
 * an eighth of what the queues may hold, and all workers together have a quarter.
 */
export function garbageLimits(
  bytes: number,
  workers: number,
): { readonly caller: number; readonly worker: number } {
  const least = (limit: number) => Math.max(minGarbage, Math.floor(limit));
  return { caller: least(bytes / 8), worker: least(bytes / 4 / workers) };
}

/** A queue has at least this many places: with 16, two stages of varying speed reach 95 % of their rate. */
const minPlaces = 16;

/** Says how many values may be sent to each stage, by the room in the queue behind it. */
export class QueueRoom {
  readonly #limits: QueueLimits;
  readonly #stages: readonly Stage[];
  /** Each queue may hold this many bytes: one in front of each stage, and one of outcomes. */
  readonly #share: number;

  constructor(limits: QueueLimits, stages: readonly Stage[]) {
    this.#limits = limits;
    this.#stages = stages;
    this.#share = limits.bytes / (stages.length + 1);
  }

  /**
   * Returns how many values may be sent to the stage's workers: what they return must have room in the queue
   * behind.
   * @param workers the stage has this many
   * @param behind what is in that queue
   */
  of(stage: Stage, workers: number, behind: { readonly values: number; readonly bytes: number }): number {
    const next = this.#stages[stage.number + 1];
    const places = this.#limits.places ?? this.#usualPlaces(stage, next, workers);
    // A worker may hold a finished value.
    const free = places + workers - behind.values - stage.inWorkers;
    if (free <= 0) return 0;
    const size = stage.resultBytes;
    if (size === null) return Math.min(free, workers - stage.inWorkers);
    const limit = Math.max(this.#share, workers * size);
    return Math.min(free, Math.floor((limit - behind.bytes - stage.inWorkers * size) / Math.max(size, 1)));
  }

  /** Returns how many documents may be pulled. @param kept the documents that have no outcome */
  ofDocuments(
    workers: number,
    kept: { readonly documents: number; readonly bytes: number },
    all: number,
  ): number {
    const first = this.#stages[0] as Stage;
    const places = Math.max(workers, this.#limits.places ?? Number.POSITIVE_INFINITY);
    const wanted = Math.min(places, workers * first.maxRequests * first.maxValues);
    const free = wanted - first.inFront;
    if (kept.bytes < this.#share) return free;
    return Math.min(free, all + 2 - kept.documents);
  }

  #usualPlaces(stage: Stage, next: Stage | undefined, workers: number): number {
    // A slow caller needs no long queue of outcomes.
    if (next === undefined) return Math.max(minPlaces, workers * stage.maxValues);
    return Math.max(minPlaces, 2 * workers * Math.max(stage.maxValues, next.maxValues));
  }
}
