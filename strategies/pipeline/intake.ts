import type { CarriedDocument, CarriedDocuments } from '../session/reference.js';
import { SourceReader } from '../session/source.js';

export interface IntakeEvents {
  /** Tells whether a further document may be pulled. */
  hasRoom(): boolean;
  pulled(document: CarriedDocument): void;
  /** The source has thrown or rejected, and gives no further document. */
  failed(cause: unknown): void;
  /** The source was slow, and has answered: whatever can move should move now. */
  answered(): void;
}

/**
 * Pulls documents from the caller's source. It asks for one only when there is room for it, and only once at
 * a time. So a source is paused for as long as the queues behind it are full.
 */
export class Intake {
  readonly #source: SourceReader<CarriedDocument>;
  readonly #events: IntakeEvents;
  #isAsking = false;
  #isExhausted = false;

  constructor(documents: CarriedDocuments, events: IntakeEvents) {
    this.#source = new SourceReader(documents);
    this.#events = events;
  }

  /** True when no further document will come. */
  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  /** Pulls documents while there is room and the source has some at once. */
  pull(): void {
    while (!this.#isExhausted && !this.#isAsking && this.#events.hasRoom()) {
      let next: IteratorResult<CarriedDocument> | null;
      try {
        next = this.#source.now();
      } catch (cause) {
        this.#failed(cause);
        return;
      }
      if (next === null) this.#ask();
      else this.#pulled(next);
    }
  }

  /** Pulls no further document. */
  stop(): void {
    if (!this.#isExhausted) this.#source.stop();
    this.#isExhausted = true;
  }

  #ask(): void {
    this.#isAsking = true;
    this.#source.next().then(
      (next) => {
        this.#isAsking = false;
        this.#pulled(next);
        this.#events.answered();
      },
      (cause: unknown) => {
        this.#isAsking = false;
        this.#failed(cause);
        this.#events.answered();
      },
    );
  }

  #pulled({ done, value: document }: IteratorResult<CarriedDocument>): void {
    if (done) this.#isExhausted = true;
    else this.#events.pulled(document);
  }

  #failed(cause: unknown): void {
    this.#isExhausted = true;
    this.#events.failed(cause);
  }
}
