import type { Outcome } from '../strategy.js';
import { DeathCount, maxWorkersEnded } from './attempts.js';
import type { Cancelling } from './cancelling.js';
import { HiddenEnds } from './hidden-ends.js';
import { cancelled, crashed } from './outcome.js';
import type { CarriedDocument } from './reference.js';
import type { PlainSession } from './session.js';

/**
 * Runs a document again whose worker has ended, which a library's pool does not do: alone, on a worker that
 * is started for it. Documents run one after the other, so that each can end no worker but its own.
 * @param open a session of one worker that makes no second attempts itself
 */
export class SecondAttempt {
  readonly #open: () => Promise<PlainSession>;
  #ended = false;
  #current: PlainSession | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #deaths = new DeathCount();
  readonly hidden = new HiddenEnds();

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

  /** The reason why no document runs any more; null while documents run. */
  get stopped(): Error | null {
    return this.#deaths.stopped;
  }

  /** Ends the document that is running, and lets no further document run again. */
  stop(): void {
    this.#ended = true;
    this.#current?.kill?.();
  }

  /**
   * Runs the document again, after the documents before it; never rejects.
   * @param cause how its worker has ended
   */
  of(document: CarriedDocument, cause: unknown, cancelling: Cancelling): Promise<Outcome> {
    const outcome = this.#turn.then(() => this.#run(document, cause, cancelling));
    this.#turn = outcome;
    return outcome;
  }

  /** Cancels the document with this index if it is the one that is running. */
  cancel(index: number): void {
    this.#current?.cancel?.(index);
  }

  async #run(document: CarriedDocument, cause: unknown, cancelling: Cancelling): Promise<Outcome> {
    if (cancelling.has(document.index)) return cancelled(document);
    if (this.#ended) return crashed(document, cause);
    // Its bytes were transferred to the worker that has ended.
    if (document.bytes.length === 0 && document.size > 0) return crashed(document, cause, 1);
    if (this.stopped !== null) return crashed(document, this.stopped);
    this.#deaths.endedWithoutResult(cause);
    let outcome: Outcome | null = null;
    try {
      const session = await this.#open();
      this.#current = session;
      if (this.#ended) session.kill?.();
      try {
        const emit = (found: Outcome) => {
          outcome = found;
        };
        await session.run([document], emit, cancelling);
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
      if (found?.status === 'ok' || found?.status === 'failed') this.hidden.report(cause);
      return found ?? crashed(document, cause, 1);
    }
    this.#deaths.endedWithoutResult(found.error);
    return { ...found, error: { ...found.error, attempts: maxWorkersEnded } };
  }
}
