import { setImmediate } from 'node:timers';
import type { CarriedDocument, CarriedDocuments } from '../session/reference.js';
import { SourceReader } from '../session/source.js';
import { now } from '../worker/clock.js';

export interface PulledDocument {
  readonly document: CarriedDocument;
  readonly pulledMs: number;
}

/** Limits of what is taken from the source at once; `pull` may be given a smaller number of documents. */
export interface Window {
  readonly documents: number;
  readonly bytes: number;
  /**
   * Time since the window's first document, so that a slow source does not delay documents it has already
   * given.
   */
  readonly ms: number;
}

/**
 * Takes documents from a source, one window at a time. A synchronous source, or one that says whether it has
 * a document, is read until the window is full. From any other asynchronous source a window takes what
 * arrives within one turn of the event loop.
 */
export class Feed {
  readonly #source: SourceReader<CarriedDocument>;
  readonly #window: Window;
  readonly #arrived: () => void;
  #waiting = false;
  /** Documents that may be taken now. */
  #room = 0;
  #ended = false;
  #failure: { readonly cause: unknown } | null = null;
  #next: PulledDocument[] = [];
  #nextBytes = 0;

  /** @param arrived is called when an asynchronous source has given a document, ended or failed. */
  constructor(documents: CarriedDocuments, window: Window, arrived: () => void) {
    this.#source = new SourceReader(documents);
    this.#window = window;
    this.#arrived = arrived;
  }

  /** True when the source never has to be waited for. */
  get isSync(): boolean {
    return this.#source.isSync;
  }

  /** True when no more documents will come. */
  get ended(): boolean {
    return this.#ended && this.#next.length === 0;
  }

  /** True when the source has been asked for the next document and has not answered. */
  get waiting(): boolean {
    return this.#waiting && this.#next.length === 0;
  }

  /** The error that the source has thrown, which also ends it; null when there was none. */
  get failure(): { readonly cause: unknown } | null {
    return this.#failure;
  }

  /**
   * Returns the documents that are available now, `room` at most, and one more that the source was asked for
   * earlier. With no room, the source is not asked.
   */
  pull(room: number): PulledDocument[] {
    this.#room = Math.max(0, Math.min(room, this.#window.documents));
    if (this.#room === 0) return [];
    const pulled = this.#next;
    this.#next = [];
    this.#nextBytes = 0;
    const mustWait = this.#waiting || !this.#source.saysNow || this.#take(pulled);
    this.#room = Math.max(0, this.#room - pulled.length);
    if (mustWait && this.#room > 0) this.#ask();
    return pulled;
  }

  /** Tells the source that no more documents will be taken, and ignores how it ends. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#source.stop();
  }

  /**
   * Appends documents to `pulled` until the window is full or the source has no more at once.
   * @returns whether the next document has to be waited for
   */
  #take(pulled: PulledDocument[]): boolean {
    const { bytes, ms } = this.#window;
    let pulledBytes = 0;
    let untilMs = (pulled[0]?.pulledMs ?? Number.POSITIVE_INFINITY) + ms;
    try {
      while (!this.#ended && pulled.length < this.#room && pulledBytes < bytes) {
        const result = this.#source.now();
        if (result === null) return true;
        if (result.done) {
          this.#ended = true;
          break;
        }
        const pulledMs = now();
        pulled.push({ document: result.value, pulledMs });
        pulledBytes += result.value.bytes.length;
        if (pulled.length === 1) untilMs = pulledMs + ms;
        else if (pulledMs > untilMs) break;
      }
    } catch (cause) {
      this.#fail(cause);
    }
    return false;
  }

  #ask(): void {
    if (this.#waiting || this.#ended) return;
    this.#waiting = true;
    this.#source.next().then(
      (result) => {
        this.#waiting = false;
        if (result.done) {
          this.#ended = true;
          return this.#arrived();
        }
        // The first document of a window is announced when the turn ends: more may arrive before that.
        if (this.#next.length === 0) setImmediate(this.#arrived);
        this.#next.push({ document: result.value, pulledMs: now() });
        this.#nextBytes += result.value.bytes.length;
        if (this.#next.length >= this.#room || this.#nextBytes >= this.#window.bytes) this.#arrived();
        else if (!this.#source.saysNow) this.#ask();
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
