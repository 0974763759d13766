import { SourceReader } from '../../strategies/session/source.js';
import type { AnyDocument, Documents } from '../../strategies/strategy.js';

export const end: IteratorResult<never> = { done: true, value: undefined };

/** The caller's documents. The source is asked for one at a time, and an answer that came late is kept. */
export class FreshDocuments {
  readonly #source: SourceReader<AnyDocument>;
  /** Called when the source has answered, after `next` had nothing. */
  readonly #answered: () => void;
  #isAsked = false;
  #answer: IteratorResult<AnyDocument> | null = null;
  #failure: { readonly cause: unknown } | null = null;
  #hasEnded = false;

  constructor(documents: Documents, answered: () => void) {
    this.#source = new SourceReader<AnyDocument>(documents);
    this.#answered = answered;
  }

  /**
   * Returns the next document of the source, or its end; null where it has none at once.
   * @param asks the source may be asked for a document that it does not have at once
   * @throws what the source throws
   */
  next(asks: boolean): IteratorResult<AnyDocument> | null {
    if (this.#failure !== null) throw this.#failure.cause;
    if (this.#hasEnded) return end;
    if (this.#isAsked) return null;
    const next = this.#answer ?? this.#source.now();
    this.#answer = null;
    if (next?.done) this.#hasEnded = true;
    if (next === null && asks) this.#ask();
    return next;
  }

  stop(): void {
    this.#source.stop();
  }

  #ask(): void {
    this.#isAsked = true;
    this.#source.next().then(
      (next) => {
        this.#isAsked = false;
        this.#answer = next;
        this.#answered();
      },
      (cause: unknown) => {
        this.#isAsked = false;
        this.#failure = { cause };
        this.#answered();
      },
    );
  }
}
