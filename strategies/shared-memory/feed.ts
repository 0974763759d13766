import type { Document } from '../../workloads/workload.js';
import { ready, type Source } from '../session/source.js';
import type { Documents } from '../strategy.js';
import { now } from '../worker/clock.js';

export interface Pulled {
  readonly document: Document;
  readonly pulledMs: number;
}

export interface Window {
  readonly documents: number;
  readonly bytes: number;
  /** Since its first document, so that a source that takes its time does not hold back what it has given. */
  readonly ms: number;
}

/**
 * Takes documents from a source, a window at a time: of a synchronous one, or one that says what it has, as far as the window
 * reaches; of an asynchronous one what arrives within one turn of the event loop.
 */
export class Feed {
  readonly #source: { readonly now: Iterator<Document> } | { readonly later: Source };
  readonly #window: Window;
  readonly #arrived: () => void;
  #waiting = false;
  #ended = false;
  #failure: { readonly cause: unknown } | null = null;
  #next: Pulled[] = [];
  #nextBytes = 0;

  /** @param arrived is called when an asynchronous source has given something, ended or failed. */
  constructor(documents: Documents, window: Window, arrived: () => void) {
    this.#source =
      Symbol.asyncIterator in documents
        ? { later: documents[Symbol.asyncIterator]() }
        : { now: documents[Symbol.iterator]() };
    this.#window = window;
    this.#arrived = arrived;
  }

  /** No more will come. */
  get ended(): boolean {
    return this.#ended && this.#next.length === 0;
  }

  /** Whether the next document is to be waited for. */
  get waiting(): boolean {
    return this.#waiting && this.#next.length === 0;
  }

  /** What the source has thrown, which is its end; null when nothing. */
  get failure(): { readonly cause: unknown } | null {
    return this.#failure;
  }

  /** What is there now. */
  pull(): Pulled[] {
    if ('now' in this.#source) {
      const source = this.#source.now;
      const pulled: Pulled[] = [];
      this.#take(pulled, () => source.next());
      return pulled;
    }
    const source = this.#source.later;
    const pulled = this.#next;
    this.#next = [];
    this.#nextBytes = 0;
    const saysMore =
      !this.#waiting && source[ready] !== undefined && !this.#take(pulled, () => source[ready]?.() ?? null);
    if (!saysMore) this.#ask(source);
    return pulled;
  }

  /** Tells the source that no more will be taken; what it then does is its own affair. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    if ('now' in this.#source) this.#source.now.return?.();
    else this.#source.later.return?.()?.then(undefined, () => {});
  }

  /** More, behind what there is, as far as the window reaches and `next` gives. @returns whether what follows is to be waited for */
  #take(pulled: Pulled[], next: () => IteratorResult<Document> | null): boolean {
    const { documents, bytes, ms } = this.#window;
    let pulledBytes = 0;
    let untilMs = (pulled[0]?.pulledMs ?? Number.POSITIVE_INFINITY) + ms;
    try {
      while (!this.#ended && pulled.length < documents && pulledBytes < bytes) {
        const result = next();
        if (result === null) return true;
        if (result.done) {
          this.#ended = true;
          break;
        }
        const pulledMs = now();
        pulled.push({ document: result.value, pulledMs });
        pulledBytes += result.value.size;
        if (pulled.length === 1) untilMs = pulledMs + ms;
        else if (pulledMs > untilMs) break;
      }
    } catch (cause) {
      this.#fail(cause);
    }
    return false;
  }

  #ask(source: Source): void {
    if (this.#waiting || this.#ended) return;
    this.#waiting = true;
    source.next().then(
      (result) => {
        this.#waiting = false;
        if (result.done) {
          this.#ended = true;
          return this.#arrived();
        }
        // The first of a window tells of itself when the turn ends: until then others may come.
        if (this.#next.length === 0) setImmediate(this.#arrived);
        this.#next.push({ document: result.value, pulledMs: now() });
        this.#nextBytes += result.value.size;
        if (this.#next.length >= this.#window.documents || this.#nextBytes >= this.#window.bytes)
          this.#arrived();
        else if (source[ready] === undefined) this.#ask(source);
      },
      (cause: unknown) => {
        this.#waiting = false;
        this.#fail(cause);
        this.#arrived();
      },
    );
  }

  #fail(cause: unknown): void {
    this.#failure = { cause };
    this.#ended = true;
  }
}
