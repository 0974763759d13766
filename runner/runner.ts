import type { CloseOptions, Outcome } from '../strategies/strategy.js';
import type { AdaptiveStats } from './adaptive.js';
import type { CacheStats } from './cache-use.js';
import type { InputDocument } from './pending.js';
import type { InputDocuments } from './stream.js';

/** `Runner.process` takes these options. */
export interface ProcessOptions {
  /**
   * Outcomes come in the order of the source. One slow document then holds back the later ones, and in the
   * end the source. Absent: in the order in which documents finish.
   */
  readonly ordered?: boolean;
  /**
   * Ends the generator when it aborts: it throws the reason at once, and outcomes of documents in progress
   * are discarded.
   */
  readonly signal?: AbortSignal;
  /**
   * Gets each outcome at the moment at which it is there, instead of the loop, which then only waits for the
   * end. A program whose own thread runs the tasks has all outcomes even when a task ends the process. What
   * it throws ends the loop. Absent: the loop gets the outcomes.
   */
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** `Runner.process` takes these options to give arrays of outcomes. */
export interface ProcessBatchOptions extends ProcessOptions {
  /**
   * Gives everything that has arrived since the last array was taken, at least one outcome, without a promise
   * per document. In order with `ordered`.
   */
  readonly batch: true;
}

/** `Runner.run` takes these options. */
export interface RunDocumentOptions {
  /**
   * Cancels the document when it aborts: the promise rejects with the reason at once, and there is no
   * outcome. A document that waits never begins. A task that runs gets its `context.signal` aborted, and its
   * worker is ended if it still runs 1 s later; other documents of that worker run again, which does not
   * count as an attempt. Nothing is ended where the strategy runs on the caller's own thread: the task's
   * result is dropped when it comes. An abort after the outcome has no effect.
   */
  readonly signal?: AbortSignal;
}

/**
 * An open strategy that any number of callers use at the same time. `createRunner` makes one.
 *
 * The way of a document: `run` and `process` check it and give it to the `Exchange` (exchange.ts), which
 * hands it to the strategy's session and gives its outcome back to the caller.
 */
export interface Runner {
  /**
   * Gives the outcomes of a source's documents: one for each document that was pulled, with its place in the
   * source as `index`. Nothing is pulled before the first outcome is asked for. From then on the source is
   * read ahead by about 100 ms of work and no further. Leaving the loop stops reading the source:
   * documents in progress finish, but their outcomes are discarded.
   * @throws after the outcomes of earlier documents: what the source throws; TypeError for a value that is no
   * document; RunnerClosedError when the runner drains or closes before the source has ended. At once: the
   * signal's reason; TypeError when `source` is not iterable.
   */
  process(
    source: InputDocuments,
    options?: ProcessOptions & { readonly batch?: false },
  ): AsyncGenerator<Outcome, void, undefined>;
  /** Gives the same outcomes in arrays. */
  process(source: InputDocuments, options: ProcessBatchOptions): AsyncGenerator<Outcome[], void, undefined>;
  /**
   * Gives the outcome of one document, with `index` 0. The number of calls is not limited; callers bound it
   * themselves, for example by `stats()`.
   * @throws TypeError when it is no document; RunnerClosedError when the runner drains or is closed; the
   * signal's reason.
   */
  run(document: InputDocument, options?: RunDocumentOptions): Promise<Outcome>;
  /**
   * Sends a message to the tasks that listen with `context.onBroadcast`. Tasks that listen later get the
   * latest one.
   * @throws DataCloneError when it cannot be cloned; Error when the runner is closed.
   */
  broadcast(message: unknown): void;
  /** Counters since the runner opened. */
  stats(): RunnerStats;
  /**
   * Accepts no more documents, stops reading sources, gives every accepted document its outcome, and closes.
   */
  drain(): Promise<void>;
  /**
   * Closes at once: documents that wait fail with RunnerClosedError. Documents that the strategy already has
   * get their outcomes first; with `now` their workers are killed and the outcomes are `crashed`.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Calls `close`, so that `await using` works. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Counters of a runner since it opened. Plain data: times in milliseconds, sizes in bytes. */
export interface RunnerStats {
  /** The strategy that runs. */
  readonly strategy: string;
  /** How many workers it has; documents in flight where the strategy runs on the caller's thread. */
  readonly workers: number;
  /** Time since the runner opened. */
  readonly uptimeMs: number;
  /** The number of outcomes that had each status. */
  readonly outcomes: Readonly<Record<Outcome['status'], number>>;
  /** The number of documents of `run` that were cancelled by their signal, and have no outcome. */
  readonly cancelled: number;
  /** Documents that the strategy has: with a worker, or on the way to it or back. */
  readonly inFlight: number;
  /** Documents that are accepted, and that the strategy does not have yet. */
  readonly queued: number;
  /**
   * Sum of the task times, by the workers' clocks. Divided by `uptimeMs × workers` it says how busy the
   * workers are.
   */
  readonly busyMs: number;
  /** Sum of the times that documents waited from being accepted until their task began. */
  readonly queuedMs: number;
  /** Sum of the sizes of all documents that have an outcome. */
  readonly bytes: number;
  /** Workers that were replaced between two documents, because they were near their limit of memory. */
  readonly replaced: number;
  /** The number of documents at the same time, where it follows the load; absent where it does not. */
  readonly adaptive?: AdaptiveStats;
  /** What the cache has done; absent where results are not kept. */
  readonly cache?: CacheStats;
}

/** The runner drains or is closed, or its session has failed. */
export class RunnerClosedError extends Error {
  /** It is always `RunnerClosedError`. */
  override readonly name = 'RunnerClosedError';
}
