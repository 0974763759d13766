import type { Outcome } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import { Fifo } from './fifo.js';
import type { Entrant, InputDocument, Ticket } from './ticket.js';

/** The documents of `run`, each on its own. How many there may be is the callers' affair. */
export class Calls implements Entrant {
  readonly #waiting = new Fifo<Ticket>();

  get queued(): number {
    return this.#waiting.length;
  }

  add({ id, bytes }: InputDocument): Promise<Outcome> {
    return new Promise((settle, fail) =>
      this.#waiting.push({ index: 0, id, bytes, acceptedMs: now(), waitedMs: 0, settle, fail }),
    );
  }

  next(): Ticket | null {
    return this.#waiting.shift();
  }

  /** Each call was accepted as a whole. */
  stop(): void {}

  fail(cause: unknown): void {
    for (const ticket of this.#waiting.empty()) ticket.fail(cause);
  }
}
