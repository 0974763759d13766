import { crashed, type Mutable } from '../session/outcome.js';
import type { Outcome } from '../strategy.js';
import type { ReadColumns, ResultRows } from './protocol.js';

/**
 * A batch has at most this many documents and bytes. A single larger document is a batch of its own. A batch
 * costs two scripts in Redis and BullMQ's code on both sides: with 128 documents by path that take some µs,
 * this was a third of their cost. Slower documents fill smaller batches, by `BatchSize`.
 *
 * Documents that workers read themselves are counted with their sizes, and leave only their paths in Redis.
 * The others are fewer, since Redis has about five batches per agent: with 64 documents of 10 KB, its memory
 * went up and down by 8 MB, and with 100 by 13 MB.
 */
export const batchLimits = {
  sent: { documents: 64, bytes: 2 ** 21 },
  byReference: { documents: 512, bytes: 2 ** 23 },
} as const;

/**
 * A batch holds about this much work for each worker of an agent, ms. It costs some tenths of a millisecond
 * to send, and the last batches of a run keep some workers waiting for this long.
 */
const batchMs = 30;

/** Weight of one document in the running mean of task times. */
const weight = 1 / 16;

/** Computes how many documents make a batch, from the running mean of their task times. */
export class BatchSize {
  readonly #maxDocuments: number;
  #taskMs: number | null = null;

  constructor(maxDocuments: number) {
    this.#maxDocuments = maxDocuments;
  }

  learn(taskMs: number): void {
    this.#taskMs = this.#taskMs === null ? taskMs : this.#taskMs + (taskMs - this.#taskMs) * weight;
  }

  /** @param workers the workers of one agent: each gets a document of the batch, if there are enough */
  documents(workers: number): number {
    const perWorker = this.#taskMs === null ? 1 : Math.max(1, Math.round(batchMs / this.#taskMs));
    return Math.min(this.#maxDocuments, workers * perWorker);
  }
}

/** A document whose outcome the caller waits for, without its bytes. */
export interface Expected {
  readonly index: number;
  readonly id: string;
  readonly pulledMs: number;
}

/** A batch on the broker, from when the caller has added it until all its outcomes were emitted. */
export class SentBatch {
  /** The batch has these numbers on the broker: a second one when its documents had to be sent again. */
  readonly numbers: number[] = [];
  /** The caller settles these messages together with the batch. */
  readonly receipts: string[] = [];
  readonly blob: Uint8Array;
  /** Null where the document has its outcome. */
  readonly #documents: (Expected | null)[];
  #left: number;

  constructor(documents: readonly Expected[], blob: Uint8Array) {
    this.#documents = [...documents];
    this.#left = documents.length;
    this.blob = blob;
  }

  /** Number of documents that have no outcome yet. */
  get left(): number {
    return this.#left;
  }

  /** Turns results into outcomes. Documents that have their outcome are left out. */
  outcomes(agent: string, rows: ResultRows): Outcome[] {
    const { positions, workers, taskMs, values, failures, reads, served } = rows;
    const names = rows.names.map((name) => `${agent}/${name}`);
    const failed = failures.length === 0 ? null : new Map(failures.map(({ at, result }) => [at, result]));
    const services = served.length === 0 ? null : new Map(served.map(({ at, ...each }) => [at, each]));
    const outcomes: Outcome[] = [];
    for (const [at, position] of positions.entries()) {
      const document = this.#take(position);
      if (document === null) continue;
      const { index, id } = document;
      const name = workers[at] ?? null;
      const worker = name === null ? null : (names[name] ?? null);
      const time = taskMs[at] ?? null;
      const value = values[at];
      const failure = failed?.get(at);
      const found: Outcome = failure
        ? { index, id, worker, queuedMs: null, taskMs: time, ...failure }
        : { index, id, worker, queuedMs: null, taskMs: time, status: 'ok', value };
      if (reads !== null) addRead(found, reads, at);
      if (services !== null) Object.assign(found, services.get(at));
      outcomes.push(found);
    }
    return outcomes;
  }

  /** Ends the documents that have no outcome yet. */
  crash(cause: unknown): Outcome[] {
    return this.#documents.flatMap((document, position) =>
      document === null || this.#take(position) === null ? [] : [crashed(document, cause)],
    );
  }

  #take(position: number): Expected | null {
    const document = this.#documents[position] ?? null;
    if (document === null) return null;
    this.#documents[position] = null;
    this.#left--;
    return document;
  }
}

/** Adds what the worker has read of the document in this place, if it has. */
function addRead(outcome: Mutable<Outcome>, { sizes, mtimesMs }: ReadColumns, at: number): void {
  const size = sizes[at] ?? null;
  const mtimeMs = mtimesMs[at] ?? null;
  if (size !== null) outcome.size = size;
  if (mtimeMs !== null) outcome.mtimeMs = mtimeMs;
}
