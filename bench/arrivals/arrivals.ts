import type { Supplied } from '../trials/supply.js';

/** What became of the documents of one open-loop trial, by their place in the schedule. */
export interface Arrived {
  /** Instants at which documents were due, ms on the machine's clock. */
  readonly dueMs: Float64Array;
  /**
   * Instants of their outcomes; Infinity for a document that was refused, and the end of the trial for one
   * that was not begun.
   */
  readonly doneMs: Float64Array;
  /** 1 for a document whose outcome was `ok`. */
  readonly isOk: Uint8Array;
  /** How late the generator sent each document, ms. */
  readonly lateMs: Float64Array;
  readonly refused: number;
  /** Documents that the session had not got when the trial ended. */
  readonly unserved: number;
}

export interface ArrivalsOptions {
  /** Documents are taken from here in turn, again and again. */
  readonly documents: readonly Supplied[];
  /** Makes the document that a session gets; a delivery may take its bytes. */
  readonly fresh: (document: Supplied) => Supplied;
  /** Instants at which documents are due, ms after `startMs`. */
  readonly schedule: Float64Array;
  /** The start of the schedule on the machine's clock, ms. */
  readonly startMs: number;
  /** A document is refused while this many others have no outcome; null: none is refused. */
  readonly accept: number | null;
}

const end: IteratorResult<Supplied> = { done: true, value: undefined };

/**
 * The harness's side of an open loop. `arrive` learns how many documents are due, `give` hands them to the
 * session in their order, and `settle` takes their outcomes. A document's latency runs from the instant at
 * which it was *due*: a stall of the strategy, of the generator or of the harness delays it, and cannot hide
 * (coordinated omission).
 */
export class Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #dueMs: Float64Array;
  readonly #doneMs: Float64Array;
  readonly #lateMs: Float64Array;
  readonly #isOk: Uint8Array;
  /** Places in the schedule of the documents that were accepted, in their order. */
  readonly #accepted: Int32Array;
  #arrivedCount = 0;
  #acceptedCount = 0;
  #givenCount = 0;
  #settledCount = 0;
  /** The instant from which no further document is given. */
  #stoppedMs: number | null = null;

  constructor(options: ArrivalsOptions) {
    const { schedule, startMs } = options;
    this.#options = options;
    this.#dueMs = schedule.map((ms) => startMs + ms);
    this.#doneMs = new Float64Array(schedule.length).fill(Number.POSITIVE_INFINITY);
    this.#lateMs = new Float64Array(schedule.length);
    this.#isOk = new Uint8Array(schedule.length);
    this.#accepted = new Int32Array(schedule.length);
  }

  /**
   * Learns that the first `count` documents of the schedule have been sent.
   * @param sentMs the instant at which the generator sent them, ms on the machine's clock
   */
  arrive(count: number, sentMs: number): void {
    const { accept } = this.#options;
    for (; this.#arrivedCount < count; this.#arrivedCount++) {
      const place = this.#arrivedCount;
      this.#lateMs[place] = Math.max(0, sentMs - (this.#dueMs[place] as number));
      if (accept !== null && this.#acceptedCount - this.#settledCount >= accept) continue;
      this.#accepted[this.#acceptedCount++] = place;
    }
  }

  /** Ends the trial: a backlog that is still there would never end, or only much later. */
  stop(atMs: number): void {
    this.#stoppedMs ??= atMs;
  }

  /** The next document for the session; its end; null when none is there now. */
  give(): IteratorResult<Supplied> | null {
    const { documents, fresh, schedule } = this.#options;
    if (this.#stoppedMs !== null) return end;
    if (this.#givenCount === this.#acceptedCount) return this.#arrivedCount === schedule.length ? end : null;
    const index = this.#givenCount++;
    const place = this.#accepted[index] as number;
    const document = documents[place % documents.length] as Supplied;
    return { done: false, value: { ...fresh(document), index } };
  }

  /** Takes the outcome of the document that was given as the `index`-th. */
  settle(index: number, { atMs, ok }: { readonly atMs: number; readonly ok: boolean }): void {
    const place = this.#accepted[index] as number;
    this.#doneMs[place] = atMs;
    this.#isOk[place] = ok ? 1 : 0;
    this.#settledCount++;
  }

  /** The corpus's place of the document that was given as the `index`-th. */
  placeInCorpus(index: number): number {
    return (this.#accepted[index] as number) % this.#options.documents.length;
  }

  get arrived(): Arrived {
    const notArrived = this.#dueMs.length - this.#arrivedCount;
    const doneMs = this.#doneMs.slice();
    const endMs = this.#stoppedMs ?? Number.POSITIVE_INFINITY;
    for (let i = this.#givenCount; i < this.#acceptedCount; i++) doneMs[this.#accepted[i] as number] = endMs;
    doneMs.fill(endMs, this.#arrivedCount);
    return {
      dueMs: this.#dueMs,
      doneMs,
      lateMs: this.#lateMs,
      isOk: this.#isOk,
      refused: this.#arrivedCount - this.#acceptedCount,
      unserved: notArrived + this.#acceptedCount - this.#givenCount,
    };
  }
}
