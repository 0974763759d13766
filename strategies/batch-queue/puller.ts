import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { CarriedDocument, CarriedDocuments } from '../session/reference.js';
import { SourceReader } from '../session/source.js';
import { now } from '../worker/clock.js';

/** Documents that were taken from the source together, each with the time it was pulled. */
export interface Batch {
  readonly documents: CarriedDocument[];
  readonly pulledMs: number[];
}

/** Limits one batch. */
export interface BatchLimit {
  readonly documents: number;
  readonly bytes: number;
  /** Tells whether the document must have a batch of its own. Absent: none must. */
  isAlone?(document: CarriedDocument): boolean;
  /** Tells whether a batch goes at once when the source has no document ready. Absent: it waits a little. */
  goesAtOnce?(): boolean;
}

/**
 * A batch is sent this long after its first document at the latest, ms. This equals the work in a batch, so
 * an idle worker waits no longer.
 */
const usualLingerMs = 2;
/**
 * The event loop runs after at most this long, ms: a source that never waits would block everything else in
 * this process.
 */
const turnMs = 4;

/**
 * Lets several loops take from one source, a batch at a time, each document to exactly one of them. A source
 * that does not wait, or says when it would, is pulled without a promise per document.
 */
export class Puller {
  readonly #source: SourceReader<CarriedDocument>;
  readonly #lingerMs: number;
  #turn: Promise<unknown> = Promise.resolve();
  #turnedMs = now();
  /** The document that was pulled and is in no batch yet. */
  #held: { readonly document: CarriedDocument; readonly pulledMs: number } | null = null;
  #asked = false;
  #ended = false;
  #failure: { readonly cause: unknown } | null = null;
  #wake = () => {};

  /** @param lingerMs a batch of a slow source is sent this long after its first document */
  constructor(documents: CarriedDocuments, lingerMs = usualLingerMs) {
    this.#source = new SourceReader(documents);
    this.#lingerMs = lingerMs;
  }

  /**
   * Takes at most this many documents and bytes, and fewer when the source is slow. A single document may be
   * larger, and a document that must be alone is a batch of its own. Returns `null` when the source has
   * ended.
   * @throws the source's error, after all documents that it gave before.
   */
  take(limit: BatchLimit): Promise<Batch | null> {
    const turn = this.#turn.then(() => this.#fill(limit));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Stops pulling. A loop that waits for a document gets none. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake();
    this.#source.stop();
  }

  async #fill(limit: BatchLimit): Promise<Batch | null> {
    if (now() - this.#turnedMs > turnMs) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#turnedMs = now();
    }
    const batch: Batch = { documents: [], pulledMs: [] };
    let bytes = 0;
    let untilMs = Number.POSITIVE_INFINITY;
    let timer: NodeJS.Timeout | null = null;
    while (batch.documents.length < limit.documents) {
      if (this.#held === null && !this.#ended && !this.#pull()) {
        if (batch.documents.length > 0) {
          if (limit.goesAtOnce?.()) break;
          timer ??= setTimeout(() => this.#wake(), this.#lingerMs);
        }
        await this.#arrival();
      }
      const next = this.#held;
      if (next === null) break;
      bytes += bytesOf(next.document);
      const alone = limit.isAlone?.(next.document) === true;
      if (batch.documents.length > 0 && (alone || bytes > limit.bytes)) break;
      this.#held = null;
      batch.documents.push(next.document);
      batch.pulledMs.push(next.pulledMs);
      if (alone || next.pulledMs > untilMs) break;
      if (batch.documents.length === 1) untilMs = next.pulledMs + this.#lingerMs;
    }
    if (timer !== null) clearTimeout(timer);
    if (batch.documents.length > 0) return batch;
    if (this.#failure !== null) throw this.#failure.cause;
    return null;
  }

  /** Holds the next document if the source gives it at once; returns whether it did, ended or failed. */
  #pull(): boolean {
    try {
      const next = this.#asked ? null : this.#source.now();
      if (next !== null) this.#arrived(next);
      return next !== null;
    } catch (cause) {
      this.#failed(cause);
      return true;
    }
  }

  /** Resolves when the next document is held, when none will come, or when the waiting loop is woken. */
  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#asked || this.#source.isSync) return;
      this.#asked = true;
      this.#source.next().then(
        (next) => this.#arrived(next),
        (cause) => this.#failed(cause),
      );
    });
  }

  #arrived({ done, value }: IteratorResult<CarriedDocument>): void {
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

/** Returns what a document counts in a batch. The worker will have the content of one by reference, too. */
function bytesOf({ by, bytes, size }: CarriedDocument): number {
  return by === undefined ? bytes.length : Math.max(bytes.length, size);
}
