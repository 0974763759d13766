import type { Document } from '../workloads/workload.js';
import { crashed, mostAttempts } from './outcome.js';
import type { Outcome, Unguarded } from './strategy.js';

/** So many documents in a row may end their second worker, too, until it is held that no worker does any work. */
const mostVain = 8;

/**
 * What a library's pool does not do for a document whose worker has ended: it runs once more, alone on a worker that was started
 * for it. One after the other, so that each ends no more than its own.
 * @param open a session of one worker that makes no second attempts itself
 */
export class SecondAttempt {
  readonly #open: () => Promise<Unguarded>;
  #stopped = false;
  #turn: Promise<unknown> = Promise.resolve();
  #vain = 0;

  constructor(open: () => Promise<Unguarded>) {
    this.#open = open;
  }

  /** From now on nothing is run again. */
  stop(): void {
    this.#stopped = true;
  }

  /** Another run, another chance. */
  renew(): void {
    this.#vain = 0;
  }

  /** @returns its outcome; never rejects. @param cause how its worker has ended */
  of(document: Document, cause: unknown): Promise<Outcome> {
    const outcome = this.#turn.then(() => this.#run(document, cause));
    this.#turn = outcome;
    return outcome;
  }

  async #run(document: Document, cause: unknown): Promise<Outcome> {
    if (this.#stopped) return crashed(document, cause);
    if (document.bytes.length === 0 && document.size > 0) return crashed(document, cause, 1); // its bytes were given away
    if (this.#vain >= mostVain) {
      const message = `${mostVain} documents in a row have ended two workers each; the rest is not run again`;
      return crashed(document, new Error(message, { cause }), 1);
    }
    let outcome: Outcome | null = null;
    try {
      const session = await this.#open();
      try {
        await session.run([document], (found) => {
          outcome = found;
        });
      } finally {
        await session.close();
      }
    } catch (failure) {
      outcome ??= crashed(document, failure, 1);
    }
    const found = outcome as Outcome | null;
    if (found?.status !== 'crashed') {
      this.#vain = 0;
      return found ?? crashed(document, cause, 1);
    }
    this.#vain++;
    return { ...found, error: { ...found.error, attempts: mostAttempts } };
  }
}
