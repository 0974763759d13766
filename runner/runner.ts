import type { CloseOptions, Delivery, Outcome, Session } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import { Exchange } from './exchange.js';
import { type InputDocuments, Stream } from './stream.js';
import { checkDocument, type InputDocument } from './ticket.js';

export interface ProcessOptions {
  /** Outcomes in the order of the source. One slow document then holds back those behind it, and in the end the source. */
  readonly ordered?: boolean;
  /** Ends it at once: the generator throws the signal's reason, and what is under way has no one to go to. */
  readonly signal?: AbortSignal;
}

/** A strategy at work, for any number of callers at the same time. */
export interface Runner {
  /**
   * The outcomes of a source's documents: each that is pulled has one, with its place in the source as `index`. The
   * source is pulled as the outcomes are taken, as far ahead as keeps the workers busy for a second, and no further. Breaking off ends the
   * pulling; what is under way comes to its end without being told. The source begins when the first outcome is asked for.
   * @throws what the source throws, and TypeError for what is no document, behind the outcomes of what came before;
   * RunnerClosedError likewise when the runner drains or closes before the source has ended; the signal's reason.
   */
  process(source: InputDocuments, options?: ProcessOptions): AsyncGenerator<Outcome, void, undefined>;
  /**
   * The outcome of one document, with `index` 0. Any number may be under way: who calls sees to it that they do not become
   * too many, with `stats()`.
   * @throws TypeError when it is no document; RunnerClosedError when the runner is closed.
   */
  run(document: InputDocument): Promise<Outcome>;
  stats(): RunnerStats;
  /** Takes no more documents in, pulls no source any more, gives all that was accepted its outcome, and closes. */
  drain(): Promise<void>;
  /** As a session closes: what its strategy has in hand gets its outcome first, with `now` as crashed. What waits fails. */
  close(options?: CloseOptions): Promise<void>;
  /** Closes. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Since the runner opened; times in milliseconds. */
export interface RunnerStats {
  readonly strategy: string;
  readonly workers: number;
  readonly uptimeMs: number;
  /** Documents by what became of them. */
  readonly outcomes: Readonly<Record<Outcome['status'], number>>;
  /** With the strategy: in a worker's hands or on the way to and from it. */
  readonly inFlight: number;
  /** Accepted, and not with the strategy yet. */
  readonly queued: number;
  /** Sum over all tasks that ended, by the workers' clocks: divided by uptime × workers, how busy they are. */
  readonly busyMs: number;
  /** Sum over all documents that began, from when they were accepted. */
  readonly queuedMs: number;
  /** Of all documents that have an outcome. */
  readonly bytes: number;
}

/** The runner drains or is closed, or its session has failed. */
export class RunnerClosedError extends Error {
  override readonly name = 'RunnerClosedError';
}

interface Facts {
  readonly strategy: string;
  readonly workers: number;
  readonly delivery: Delivery;
  readonly see: (bytes: number) => void;
}

/** A runner over any session. */
export class SessionRunner implements Runner {
  readonly closed: Promise<void>;
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #facts: Facts;
  readonly #openedMs = now();
  #refusal: RunnerClosedError | null = null;
  #draining: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #told = () => {};

  constructor(session: Session, facts: Facts) {
    this.#session = session;
    this.#facts = facts;
    this.#exchange = new Exchange(session, facts);
    this.closed = new Promise((resolve) => {
      this.#told = resolve;
    });
  }

  process(
    source: InputDocuments,
    { ordered = false, signal }: ProcessOptions = {},
  ): AsyncGenerator<Outcome, void, undefined> {
    if (!isIterable(source))
      throw new TypeError(
        `expected an iterable or async iterable of documents like { id, bytes }, got ${typeof source}`,
      );
    const stream = new Stream(source, { ordered, room: this.#exchange.room, notify: this.#exchange.notify });
    const outcomes = this.#outcomesOf(stream, signal);
    const { next, return: end, throw: fail } = outcomes;
    let waiting = 0;
    const waited = () => {
      waiting--;
    };
    return Object.assign(outcomes, {
      /** What is there costs no turn of the generator, unless somebody waits in front. */
      next() {
        const outcome = waiting === 0 && !stream.aborted ? stream.take() : null;
        if (outcome !== null) return Promise.resolve({ done: false as const, value: outcome });
        waiting++;
        const waits = next.call(outcomes);
        waits.then(waited, waited);
        return waits;
      },
      // By itself a generator that waits would end only when it is done waiting.
      return(value: undefined) {
        stream.leave();
        return end.call(outcomes, value);
      },
      throw(cause: unknown) {
        stream.leave();
        return fail.call(outcomes, cause);
      },
    });
  }

  async *#outcomesOf(
    stream: Stream,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Outcome, void, undefined> {
    const abort = () => stream.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      signal?.throwIfAborted();
      this.#refuse();
      this.#exchange.enter(stream);
      stream.begin();
      for (;;) {
        const outcome = stream.take();
        if (outcome !== null) yield outcome;
        else if (stream.over()) return;
        else await stream.change();
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      stream.leave();
      this.#exchange.leave(stream);
    }
  }

  async run(document: InputDocument): Promise<Outcome> {
    checkDocument(document);
    this.#refuse();
    return this.#exchange.run(document);
  }

  stats(): RunnerStats {
    const { ok, failed, 'timed-out': timedOut, crashed, ...sums } = this.#exchange.counters;
    const { inFlight, queued } = this.#exchange;
    const { strategy, workers } = this.#facts;
    const outcomes = { ok, failed, 'timed-out': timedOut, crashed };
    return { strategy, workers, uptimeMs: now() - this.#openedMs, outcomes, inFlight, queued, ...sums };
  }

  drain(): Promise<void> {
    this.#draining ??= (async () => {
      this.#refusal ??= new RunnerClosedError(
        'the runner takes no more documents: it was told to drain; create another',
      );
      await this.#exchange.drain(this.#refusal);
      await this.close();
    })();
    return this.#draining;
  }

  close(options?: CloseOptions): Promise<void> {
    this.#refusal ??= new RunnerClosedError('the runner is closed; create another');
    if (this.#closing === null)
      this.#closing = this.#exchange
        .close(this.#refusal, () => this.#session.close(options))
        .finally(this.#told);
    else if (options?.now) void this.#session.close(options); // it was told to wait, and is not to any longer
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refuse(): void {
    const refusal = this.#refusal ?? this.#exchange.closed?.cause;
    if (refusal !== undefined) throw refusal;
  }
}

function isIterable(value: unknown): value is InputDocuments {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}
