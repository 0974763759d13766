import { mostAttempts } from '../strategies/session/outcome.js';
import { owned } from '../strategies/session/owned.js';
import { refusal } from '../strategies/session/session.js';
import { ready, type Source } from '../strategies/session/source.js';
import type { Delivery, Outcome, Session, TaskError } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import type { Document } from '../workloads/workload.js';
import { Calls } from './calls.js';
import { Fifo } from './fifo.js';
import { Room } from './room.js';
import type { Entrant, InputDocument, Ticket } from './ticket.js';

/**
 * Many callers, one session, which allows one run at a time: one long run over a source that merges what the callers
 * have. The protocol:
 *
 * - The session pulls. Its `next`, of which several may be under way, takes from the entrants (the calls of `run` together,
 *   and each `process`) in turn, one document each, so that none starves another. A synchronous source is pulled in that
 *   moment; an asynchronous one has been asked before, and what has arrived waits in its stream. When nobody has
 *   anything, the session's `next` waits. `[ready]` does the same, says null instead of waiting, and spares a promise a document.
 * - An entrant that comes to have something calls `notify`, which resolves the `next` that waits, or begins the run.
 * - An outcome goes to its ticket at once and never waits for who takes it, so that one slow caller holds up no other. What holds a
 *   source back is its stream's room: documents that were pulled and whose outcomes have not been taken.
 * - Who takes outcomes waits for a change of its stream: an outcome, the end of the source, an abort, or the end of the session.
 * - The run ends when it is told to (drain, close), or to give workers that were given up another chance, which the
 *   session does at the beginning of a run: at the next moment without work after a crash, or, when documents are refused
 *   because nobody is left to work, at once: what comes then waits until those in hand are done. The next run begins by itself.
 * - When the run fails or the session closes, every ticket in hand fails, and every entrant: nobody is left waiting.
 *
 * The session's own quarantine speaks at the beginning of a run; here it is asked for every document.
 */
export class Exchange {
  readonly calls = new Calls();
  readonly counters = { ok: 0, failed: 0, 'timed-out': 0, crashed: 0, busyMs: 0, queuedMs: 0, bytes: 0 };
  /** Of each source. */
  readonly room: Room;
  readonly #session: Session;
  readonly #own: boolean;
  readonly #see: (bytes: number) => void;
  readonly #entrants: Entrant[] = [this.calls];
  readonly #inHand = new Map<number, Ticket>();
  readonly #quarantine = new Map<string, TaskError>();
  #turn = 0;
  #serial = 0;
  #turnedMs = now();
  #running = false;
  /** The run is to end: its source gives nothing more. */
  #ending = false;
  #crashes = false;
  #picking = false;
  /** Somebody came to have something while nobody could take it. */
  #news = false;
  #closed: { readonly cause: unknown } | null = null;
  /** Of the session: a pool asks for the next document in each of its places. */
  readonly #asking = new Fifo<(next: IteratorResult<Document>) => void>();
  #drained: (() => void) | null = null;

  constructor(session: Session, { workers, delivery, see }: ExchangeOptions) {
    this.room = new Room(workers);
    this.#session = session;
    this.#own = delivery === 'clone';
    this.#see = see;
  }

  get inFlight(): number {
    return this.#inHand.size;
  }

  get queued(): number {
    let queued = 0;
    for (const entrant of this.#entrants) queued += entrant.queued;
    return queued;
  }

  run(document: InputDocument): Promise<Outcome> {
    const outcome = this.calls.add(document);
    this.notify();
    return outcome;
  }

  enter(entrant: Entrant): void {
    if (this.#closed !== null) entrant.fail(this.#closed.cause);
    else this.#entrants.push(entrant);
  }

  leave(entrant: Entrant): void {
    const place = this.#entrants.indexOf(entrant);
    if (place >= 0) this.#entrants.splice(place, 1);
    this.#look();
  }

  /** There may be a document for the session. */
  readonly notify = (): void => {
    if (this.#closed !== null) return;
    this.#news = true;
    if (!this.#running) {
      this.#begin();
      return;
    }
    if (this.#ending || this.#picking) return;
    while (this.#asking.length > 0) {
      const ticket = this.#pick();
      if (ticket === null) return;
      this.#asking.shift()?.({ done: false, value: this.#hand(ticket) });
    }
  };

  /** Resolves when all that was accepted has its outcome. No source is pulled any more: `cause` says why. */
  async drain(cause: unknown): Promise<void> {
    for (const entrant of this.#entrants) entrant.stop(cause);
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
      this.#look();
    });
  }

  /** What the session has gets its outcomes, all else fails. `end` closes the session. */
  async close(cause: unknown, end: () => Promise<void>): Promise<void> {
    this.#fail(cause);
    await end();
    this.#failInHand(cause); // there is none, unless the strategy is broken
    this.#look();
  }

  #begin(): void {
    this.#running = true;
    this.#ending = false;
    this.#crashes = false;
    const source: Source = {
      [ready]: () => this.#ready(),
      next: () => this.#next(),
      return: async () => this.#over(),
    };
    this.#session
      .run({ [Symbol.asyncIterator]: () => source }, this.#emit)
      .then(
        () =>
          this.#failInHand(new Error('expected an outcome for every document, and the run ended without')),
        (cause: unknown) => {
          this.#fail(cause);
          this.#failInHand(cause);
        },
      )
      .then(() => {
        this.#running = false;
        this.#answerEnd();
        this.#look();
        if (this.queued > 0 || this.#entrants.length > 1) this.notify(); // a synchronous source is asked to know
      });
  }

  /** Null: ask `next`, for there is nothing, or it is another's turn. */
  #ready(): IteratorResult<Document> | null {
    return this.#overdue() ? null : this.#give();
  }

  async #next(): Promise<IteratorResult<Document>> {
    if (this.#overdue()) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#turnedMs = now();
    }
    const given = this.#give(); // whatever the clock says by now: who waits with something there to take waits for ever
    if (given !== null) return given;
    return new Promise((resolve) => {
      this.#asking.push(resolve);
      this.#look();
    });
  }

  #give(): IteratorResult<Document> | null {
    if (this.#ending || this.#closed !== null) return end;
    const ticket = this.#pick();
    return ticket === null ? null : { done: false, value: this.#hand(ticket) };
  }

  /** A source and a task that never wait would keep everything else in this process from its turn. */
  #overdue(): boolean {
    return now() - this.#turnedMs > mostMsWithoutTurn;
  }

  #over(): IteratorResult<Document> {
    this.#ending = true;
    this.#answerEnd();
    return end;
  }

  #answerEnd(): void {
    for (const resolve of this.#asking.empty()) resolve(end);
  }

  /** From each entrant in turn. What is in quarantine gets its outcome here. */
  #pick(): Ticket | null {
    this.#picking = true;
    let ticket: Ticket | null;
    do {
      this.#news = false;
      ticket = this.#pickOnce();
    } while (ticket === null && this.#news); // a source may itself call us
    this.#picking = false;
    return ticket;
  }

  #pickOnce(): Ticket | null {
    for (let asked = 0; asked < this.#entrants.length; ) {
      this.#turn = (this.#turn + 1) % this.#entrants.length;
      const ticket = (this.#entrants[this.#turn] as Entrant).next();
      if (ticket === null) {
        asked++;
        continue;
      }
      asked = 0;
      const error = this.#quarantine.get(ticket.id);
      if (error === undefined) return ticket;
      this.#settle(ticket, refusal({ index: ticket.index, id: ticket.id }, error));
    }
    return null;
  }

  #hand(ticket: Ticket): Document {
    const { id, bytes, acceptedMs } = ticket;
    const index = this.#serial++;
    this.#inHand.set(index, ticket);
    if (acceptedMs !== null) ticket.waitedMs = now() - acceptedMs;
    this.#see(bytes.length);
    const document = { index, id, size: bytes.length, bytes };
    return this.#own ? owned(document) : document; // a view would be cloned with all that it is a view of
  }

  readonly #emit = (outcome: Outcome): void => {
    const ticket = this.#inHand.get(outcome.index);
    if (ticket === undefined) return; // it failed meanwhile
    this.#inHand.delete(outcome.index);
    if (outcome.taskMs !== null) this.room.learn(outcome.taskMs);
    const queuedMs = outcome.queuedMs === null ? null : outcome.queuedMs + ticket.waitedMs;
    if (outcome.status === 'crashed') this.#crashed(outcome.id, outcome.error);
    this.#settle(ticket, { ...outcome, index: ticket.index, queuedMs });
    this.#look();
  };

  #crashed(id: string, error: TaskError): void {
    const { attempts } = error;
    this.#crashes = true;
    if (attempts === undefined)
      this.#ending = true; // nobody has tried: the session has given workers up
    else if (attempts >= mostAttempts) this.#quarantine.set(id, error);
  }

  #settle(ticket: Ticket, outcome: Outcome): void {
    const { counters } = this;
    counters[outcome.status]++;
    counters.bytes += ticket.bytes.length;
    counters.busyMs += outcome.taskMs ?? 0;
    counters.queuedMs += outcome.queuedMs ?? 0;
    ticket.settle(outcome);
  }

  /** Whether something is to end, now that an outcome is there or nothing is left to give. */
  #look(): void {
    const idle = this.#inHand.size === 0 && this.queued === 0;
    if (this.#drained !== null && (idle || this.#closed !== null)) {
      this.#drained();
      this.#drained = null;
    }
    if (this.#crashes && idle) this.#ending = true;
    if (this.#ending) this.#answerEnd();
  }

  #fail(cause: unknown): void {
    this.#closed ??= { cause };
    for (const entrant of this.#entrants) entrant.fail(cause);
  }

  #failInHand(cause: unknown): void {
    const tickets = [...this.#inHand.values()];
    this.#inHand.clear();
    for (const ticket of tickets) ticket.fail(cause);
  }

  /** Why nothing is accepted any longer; null while something is. */
  get closed(): { readonly cause: unknown } | null {
    return this.#closed;
  }
}

export interface ExchangeOptions {
  readonly workers: number;
  readonly delivery: Delivery;
  /** Is told the size of every document that goes to the session, bytes. */
  readonly see: (bytes: number) => void;
}

const end: IteratorResult<Document> = { done: true, value: undefined };
const mostMsWithoutTurn = 4;
