import type { Document } from '../../workloads/workload.js';
import { ready, type Source } from '../session/source.js';
import type { Documents } from '../strategy.js';
import { now } from '../worker/clock.js';

/** Documents taken from the source together, each with the time it was pulled. */
export interface Batch {
  readonly documents: Document[];
  readonly pulledMs: number[];
}

/** How long a batch is waited for once its first document is there: what it is worth in work, so that a worker at rest waits no longer. */
const lingerMs = 2;
/** A source that never waits would keep everything else in this process from its turn. */
const mostMsWithoutTurn = 4;

/**
 * Lets several loops take from one source, a batch at a time, each document to exactly one of them. A source that
 * does not wait, or says when it would, is pulled without a promise a document.
 */
export class Puller {
  readonly #source: { readonly now: Iterator<Document> } | { readonly later: Source };
  #turn: Promise<unknown> = Promise.resolve();
  #turnedMs = now();
  /** Pulled and in no batch yet. */
  #held: { readonly document: Document; readonly pulledMs: number } | null = null;
  #asked = false;
  #ended = false;
  #failure: { readonly cause: unknown } | null = null;
  #wake = () => {};

  constructor(documents: Documents) {
    this.#source =
      Symbol.asyncIterator in documents
        ? { later: documents[Symbol.asyncIterator]() }
        : { now: documents[Symbol.iterator]() };
  }

  /**
   * At most so many documents and bytes, and fewer when the source is slow; a single one may be larger. `null` when the
   * source has ended.
   * @throws what the source throws, after all that it gave before.
   */
  take(limit: { readonly documents: number; readonly bytes: number }): Promise<Batch | null> {
    const turn = this.#turn.then(() => this.#fill(limit));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** No further document is pulled, and whoever waits for one gets none. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake();
    try {
      // A source that is waiting takes note when it next has something: nobody waits for that.
      const returned = 'now' in this.#source ? this.#source.now.return?.() : this.#source.later.return?.();
      if (returned instanceof Promise) returned.catch(() => {});
    } catch {
      // The run is failing already, with what came first.
    }
  }

  async #fill(limit: { readonly documents: number; readonly bytes: number }): Promise<Batch | null> {
    if (now() - this.#turnedMs > mostMsWithoutTurn) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#turnedMs = now();
    }
    const batch: Batch = { documents: [], pulledMs: [] };
    let bytes = 0;
    let untilMs = Number.POSITIVE_INFINITY;
    let timer: NodeJS.Timeout | null = null;
    while (batch.documents.length < limit.documents) {
      if (this.#held === null && !this.#ended && !this.#pull()) {
        if (batch.documents.length > 0) timer ??= setTimeout(() => this.#wake(), lingerMs);
        await this.#arrival();
      }
      const next = this.#held;
      if (next === null) break;
      bytes += next.document.bytes.length;
      if (batch.documents.length > 0 && bytes > limit.bytes) break;
      this.#held = null;
      batch.documents.push(next.document);
      batch.pulledMs.push(next.pulledMs);
      if (next.pulledMs > untilMs) break;
      if (batch.documents.length === 1) untilMs = next.pulledMs + lingerMs;
    }
    if (timer !== null) clearTimeout(timer);
    if (batch.documents.length > 0) return batch;
    if (this.#failure !== null) throw this.#failure.cause;
    return null;
  }

  /** Whether the source has said at once what it has, which is then held. */
  #pull(): boolean {
    try {
      const next =
        'now' in this.#source
          ? this.#source.now.next()
          : this.#asked
            ? null
            : (this.#source.later[ready]?.() ?? null);
      if (next !== null) this.#arrived(next);
      return next !== null;
    } catch (cause) {
      this.#failed(cause);
      return true;
    }
  }

  /** Resolves when the next document is held, or none will come, or somebody wakes the waiting loop. */
  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#asked || !('later' in this.#source)) return;
      this.#asked = true;
      this.#source.later.next().then(
        (next) => this.#arrived(next),
        (cause) => this.#failed(cause),
      );
    });
  }

  #arrived({ done, value }: IteratorResult<Document>): void {
    this.#asked = false;
    if (done) this.#ended = true;
    else this.#held = { document: value, pulledMs: now() };
    this.#wake();
  }

  #failed(cause: unknown): void {
    this.#ended = true;
    this.#failure = { cause };
    this.#wake();
  }
}
