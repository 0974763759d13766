import { clearInterval, setInterval } from 'node:timers';
import { type DecodedBatch, decodeBatch } from '../strategies/broker/batch-blob.js';
import type { TakenBatch } from '../strategies/broker/engine.js';
import { Rows } from './rows.js';

/** An agent reports documents after this time, although others of their batch are not done, ms. */
const reportMs = 100;

/** A batch that is with the agent, and the outcomes of it that are not reported yet. */
export class HeldBatch {
  readonly taken: TakenBatch;
  /** Null when the broker has no documents of it. */
  readonly decoded: DecodedBatch | null;
  readonly rows = new Rows();
  done: Promise<void> = Promise.resolve();
  /** A document has its outcome and was perhaps not read by a worker: it was cancelled, or a worker ended. */
  mayBeRead = false;
  readonly #reporting: NodeJS.Timeout;

  constructor(taken: TakenBatch, report: (batch: HeldBatch) => Promise<void>) {
    this.taken = taken;
    this.decoded = taken.blob === null ? null : decoded(taken.blob);
    const count = this.decoded?.documents.length ?? 0;
    this.#reporting = setInterval(() => {
      if (this.rows.count < count) report(this).catch(() => {}); // the member leaves for another reason
    }, reportMs).unref();
  }

  /** Reports no more by itself. */
  release(): void {
    clearInterval(this.#reporting);
  }
}

/** Returns null for bytes that are no batch: the caller then writes the documents again. */
function decoded(blob: Uint8Array): DecodedBatch | null {
  try {
    return decodeBatch(blob);
  } catch {
    return null;
  }
}
