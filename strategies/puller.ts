import type { Document } from '../workloads/workload.js';
import { now } from './clock.js';
import type { Documents } from './strategy.js';

export interface Pulled {
  readonly document: Document;
  readonly pulledMs: number;
}

/** Lets several loops take from one source, a batch at a time, each document to exactly one of them. */
export class Puller {
  readonly #source: AsyncIterator<Document> | Iterator<Document>;
  #turn: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(documents: Documents) {
    this.#source = Symbol.asyncIterator in documents ? documents[Symbol.asyncIterator]() : documents[Symbol.iterator]();
  }

  /** At most so many documents, ending with the one that reaches `bytes`; none when the source has ended. */
  take(limit: { readonly documents: number; readonly bytes: number }): Promise<Pulled[]> {
    const turn = this.#turn.then(async () => {
      const batch: Pulled[] = [];
      let bytes = 0;
      while (batch.length < limit.documents && bytes < limit.bytes && !this.#ended) {
        const { done, value } = await this.#source.next();
        if (done) {
          this.#ended = true;
          break;
        }
        batch.push({ document: value, pulledMs: now() });
        bytes += value.size;
      }
      return batch;
    });
    // A source that throws ends every taker, and each learns why.
    this.#turn = turn;
    return turn;
  }
}
