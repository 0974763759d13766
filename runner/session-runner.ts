import { setImmediate } from 'node:timers';
import type { CloseOptions, Delivery, Outcome, Session } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';
import type { AdaptiveNumber } from './adaptive.js';
import type { CacheUse } from './cache-use.js';
import { Exchange } from './exchange.js';
import { checkDocument, type InputDocument } from './pending.js';
import {
  type ProcessBatchOptions,
  type ProcessOptions,
  type RunDocumentOptions,
  type Runner,
  RunnerClosedError,
  type RunnerStats,
} from './runner.js';
import { type InputDocuments, Stream } from './stream.js';

/** A runner knows this of its session. */
export interface RunnerFacts {
  readonly strategy: string;
  readonly workers: number;
  /** Documents that each worker runs at the same time; absent: one. */
  readonly perWorker?: number;
  readonly delivery: Delivery;
  /** Lets the number of documents at the same time follow the load; absent where it does not. */
  readonly adaptive?: AdaptiveNumber;
  /** Counts the documents whose results were found; absent where none are kept. */
  readonly cacheUse?: CacheUse;
  /** Gets the size of every document whose task has ended, bytes. */
  readonly see: (bytes: number) => void;
}

/** Runs documents on any session. The head of exchange.ts describes the way of a document. */
export class SessionRunner implements Runner {
  /** Resolves when the runner is closed. */
  readonly closed: Promise<void>;
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #facts: RunnerFacts;
  readonly #openedMs = now();
  #refusal: RunnerClosedError | null = null;
  #draining: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #resolveClosed = () => {};

  constructor(session: Session, facts: RunnerFacts) {
    this.#session = session;
    this.#facts = facts;
    this.#exchange = new Exchange(session, facts);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  process(
    source: InputDocuments,
    options?: ProcessOptions & { readonly batch?: false },
  ): AsyncGenerator<Outcome, void, undefined>;
  process(source: InputDocuments, options: ProcessBatchOptions): AsyncGenerator<Outcome[], void, undefined>;
  process(
    source: InputDocuments,
    { ordered = false, batch = false, signal, onOutcome }: ProcessOptions & { readonly batch?: boolean } = {},
  ): AsyncGenerator<Outcome | Outcome[], void, undefined> {
    if (!isIterable(source))
      throw new TypeError(
        `expected an iterable of documents like { id, bytes }, or an async one, got ${typeof source}`,
      );
    const { readAhead, inProgress, notify, count } = this.#exchange;
    const { workers, delivery } = this.#facts;
    const stream = new Stream(source, {
      ordered,
      workers,
      delivery,
      readAhead,
      inProgress,
      notify,
      count,
      onOutcome: onOutcome ?? null,
    });
    return batch
      ? this.#outcomesOf(stream, signal, () => stream.takeAll(), nextTurn)
      : this.#outcomesOf(stream, signal, () => stream.take());
  }

  /**
   * Gives what `take` takes from the stream.
   * @param turn awaited before the first outcomes after a wait are taken, so that others can arrive
   */
  #outcomesOf<Item>(
    stream: Stream,
    signal: AbortSignal | undefined,
    take: () => Item | null,
    turn?: () => Promise<void>,
  ): AsyncGenerator<Item, void, undefined> {
    const outcomes = this.#waitedFor(stream, signal, take, turn);
    const { next, return: end, throw: fail } = outcomes;
    let waiting = 0;
    const waited = () => {
      waiting--;
    };
    return Object.assign(outcomes, {
      /**
       * Gives what is already there without a turn of the generator, unless an earlier call still waits.
       */
      next() {
        const item = waiting === 0 && !stream.aborted ? take() : null;
        if (item !== null) return Promise.resolve({ done: false as const, value: item });
        waiting++;
        const waits = next.call(outcomes);
        waits.then(waited, waited);
        return waits;
      },
      // A generator that waits would otherwise end only after it has stopped waiting.
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

  async *#waitedFor<Item>(
    stream: Stream,
    signal: AbortSignal | undefined,
    take: () => Item | null,
    turn?: () => Promise<void>,
  ): AsyncGenerator<Item, void, undefined> {
    const abort = () => stream.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      signal?.throwIfAborted();
      this.#refuse();
      this.#exchange.enter(stream);
      stream.begin();
      for (;;) {
        const item = take();
        if (item !== null) yield item;
        else if (stream.over()) return;
        else {
          await stream.change();
          await turn?.();
        }
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      stream.leave();
      this.#exchange.leave(stream);
    }
  }

  run(document: InputDocument, options?: RunDocumentOptions): Promise<Outcome> {
    try {
      checkDocument(document, this.#facts.delivery);
      this.#refuse();
      const signal = options?.signal;
      if (signal === undefined) return this.#exchange.run(document);
      if (typeof (signal as Partial<AbortSignal> | null)?.aborted !== 'boolean')
        throw new TypeError(
          `expected \`signal\` to be an AbortSignal, got ${Object.prototype.toString.call(signal)}`,
        );
      return this.#exchange.runCancellable(document, signal);
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  broadcast(message: unknown): void {
    this.#session.broadcast(message);
  }

  stats(): RunnerStats {
    const { ok, failed, 'timed-out': timedOut, crashed, ...sums } = this.#exchange.counters;
    const { queued, inProgress } = this.#exchange;
    const { strategy, workers, adaptive, cacheUse } = this.#facts;
    const { replaced = 0 } = this.#session;
    const outcomes = { ok, failed, 'timed-out': timedOut, crashed };
    return {
      strategy,
      workers,
      uptimeMs: now() - this.#openedMs,
      outcomes,
      inFlight: inProgress.count,
      queued,
      replaced,
      ...sums,
      ...(adaptive !== undefined && { adaptive: adaptive.stats() }),
      ...(cacheUse !== undefined && { cache: cacheUse.stats() }),
    };
  }

  drain(): Promise<void> {
    this.#draining ??= (async () => {
      this.#refusal ??= new RunnerClosedError(
        'the runner takes no more documents, because it is draining; create another',
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
        .finally(() => this.#facts.adaptive?.close())
        .finally(this.#resolveClosed);
    // The first call waits for tasks, and this one ends them.
    else if (options?.now) void this.#session.close(options);
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

/** Resolves in the next turn of the event loop. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isIterable(value: unknown): value is InputDocuments {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}
