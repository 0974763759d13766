import type { Document } from '../../workloads/workload.js';
import type { Outcome, Unguarded } from '../strategy.js';
import { crashed, mostAttempts } from './outcome.js';

/** So many documents may end their second worker, too, with none done in between, until it is held that no worker does any work. */
const mostVain = 12;

/**
 * What a library's pool does not do for a document whose worker has ended: it runs once more, alone on a worker that was started
 * for it. One after the other, so that each ends no more than its own.
 * @param open a session of one worker that makes no second attempts itself
 */
export class SecondAttempt {
  readonly #open: () => Promise<Unguarded>;
  #stopped = false;
  #current: Unguarded | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #vain = 0;

  constructor(open: () => Promise<Unguarded>) {
    this.#open = open;
  }

  /** A document was done, or another run begins: another chance. */
  progress(): void {
    this.#vain = 0;
  }

  /** Why nothing is to be run any more; null while there is hope. */
  get storm(): Error | null {
    return this.#vain < mostVain
      ? null
      : new Error(`${mostVain} documents have ended two workers each, and none was done in between`);
  }

  /** From now on nothing is run again, and what is at it ends. */
  stop(): void {
    this.#stopped = true;
    this.#current?.kill?.();
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
    if (this.storm !== null) return crashed(document, this.storm);
    let outcome: Outcome | null = null;
    try {
      const session = await this.#open();
      this.#current = session;
      if (this.#stopped) session.kill?.();
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
    this.#vain++;
    return { ...found, error: { ...found.error, attempts: mostAttempts } };
  }
}
