import type { Document } from '../../workloads/workload.js';
import type { Outcome } from '../strategy.js';
import { DeathCount, maxWorkersEnded } from './attempts.js';
import { crashed } from './outcome.js';
import type { PlainSession } from './session.js';

/**
 * What a library's pool does not do for a document whose worker has ended: it runs once more, alone on a worker that was started
 * for it. One after the other, so that each ends no more than its own.
 * @param open a session of one worker that makes no second attempts itself
 */
export class SecondAttempt {
  readonly #open: () => Promise<PlainSession>;
  #ended = false;
  #current: PlainSession | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #deaths = new DeathCount();

  constructor(open: () => Promise<PlainSession>) {
    this.#open = open;
  }

  /** A new run begins. */
  reset(): void {
    this.#deaths.reset();
  }

  /** A document was done. */
  progress(): void {
    this.#deaths.progress();
  }

  /** Why no document runs any more; null while documents do. */
  get stopped(): Error | null {
    return this.#deaths.stopped;
  }

  /** From now on nothing is run again, and what is at it ends. */
  stop(): void {
    this.#ended = true;
    this.#current?.kill?.();
  }

  /** @returns its outcome; never rejects. @param cause how its worker has ended */
  of(document: Document, cause: unknown): Promise<Outcome> {
    const outcome = this.#turn.then(() => this.#run(document, cause));
    this.#turn = outcome;
    return outcome;
  }

  async #run(document: Document, cause: unknown): Promise<Outcome> {
    if (this.#ended) return crashed(document, cause);
    if (document.bytes.length === 0 && document.size > 0) return crashed(document, cause, 1); // its bytes were given away
    if (this.stopped !== null) return crashed(document, this.stopped);
    this.#deaths.endedWithoutResult(cause);
    let outcome: Outcome | null = null;
    try {
      const session = await this.#open();
      this.#current = session;
      if (this.#ended) session.kill?.();
      try {
        await session.run([document], (found) => {
          outcome = found;
        });
      } finally {
        this.#current = null;
        await session.close();
      }
    } catch (failure) {
      outcome ??= crashed(document, failure, 1);
    }
    const found = outcome as Outcome | null;
    if (found?.status !== 'crashed') {
      this.progress();
      return found ?? crashed(document, cause, 1);
    }
    this.#deaths.endedWithoutResult(found.error);
    return { ...found, error: { ...found.error, attempts: maxWorkersEnded } };
  }
}
