import { Fifo } from '../session/fifo.js';
import type { Emit, Outcome } from '../strategy.js';

export interface OutcomeQueueEvents {
  /** The caller has taken an outcome that it was slow to take. */
  taken(): void;
  /** `emit` has thrown or rejected. */
  failed(cause: unknown): void;
}

/** Outcomes go to the caller from here, one after the other. */
export class OutcomeQueue {
  readonly #emit: Emit;
  readonly #events: OutcomeQueueEvents;
  readonly #waiting = new Fifo<{ readonly outcome: Outcome; readonly bytes: number }>();
  #bytes = 0;
  #isEmitting = false;

  constructor(emit: Emit, events: OutcomeQueueEvents) {
    this.#emit = emit;
    this.#events = events;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** True while the caller takes an outcome. */
  get isEmitting(): boolean {
    return this.#isEmitting;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && !this.#isEmitting;
  }

  push(outcome: Outcome, bytes: number): void {
    this.#bytes += bytes;
    this.#waiting.push({ outcome, bytes });
  }

  /** Emits as many outcomes as the caller takes at once. */
  emit(): void {
    while (!this.#isEmitting) {
      const next = this.#waiting.shift();
      if (next === null) return;
      this.#bytes -= next.bytes;
      try {
        const slow = this.#emit(next.outcome);
        if (slow) this.#wait(slow);
      } catch (cause) {
        this.#events.failed(cause);
        return;
      }
    }
  }

  clear(): void {
    this.#waiting.empty();
    this.#bytes = 0;
  }

  #wait(slow: Promise<void>): void {
    this.#isEmitting = true;
    // JavaScript may return something else, such as what `push` returns.
    Promise.resolve(slow).then(
      () => {
        this.#isEmitting = false;
        this.#events.taken();
      },
      (cause: unknown) => {
        this.#isEmitting = false;
        this.#events.failed(cause);
      },
    );
  }
}
