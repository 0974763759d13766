import type { SessionCache } from '../services/cache/cache-facts.js';
import type { Delivery } from './delivery.js';
import type { TaskError } from './outcome.js';

/** Options that every strategy takes when it is opened. */
export interface OpenOptions {
  /**
   * The strategy starts this many workers, or has this many documents in flight: `concurrency` says which.
   */
  readonly workers: number;
  /**
   * The strategy must list it in its `deliveries`. With `reference` the run takes documents by path and by
   * reference; a document that has bytes then travels in the strategy's default way.
   */
  readonly delivery: Delivery;
  /**
   * A worker is sent this many documents before it has answered, where the strategy has the option. Absent:
   * its default.
   */
  readonly inFlight?: number;
  /**
   * A worker runs this many tasks at the same time, where the strategy has the trait `perWorker`: while one
   * waits, others compute on its thread. Absent: one.
   */
  readonly perWorker?: number;
  /**
   * The strategy's `axes` get these numbers, such as `{ processes: 2, threads: 4 }`. `workers` remains the
   * total. Absent: the strategy's defaults.
   */
  readonly configuration?: Configuration;
  /**
   * A task that runs longer is `timed-out`: its signal aborts, and its worker is ended if it still runs 100
   * ms later. The time in the task counts, the time in a queue does not. On the caller's own thread only a
   * task that waits can time out, because no code can interrupt a task that computes there.
   */
  readonly timeoutMs?: number;
  /**
   * A worker's heap may have this size, MB of 2²⁰ bytes, and a task that needs more crashes. Absent: its
   * share of 80 % of the memory.
   */
  readonly heapMb?: number;
  /**
   * A worker process may have this resident size, MB of 2²⁰ bytes, and is ended when it grows larger (on
   * Linux). Absent: its share of 80 % of the memory. Threads have no size of their own: only the process
   * limits their buffers.
   */
  readonly memoryMb?: number;
  /** Answers what tasks ask with `context.ask`. Absent: such requests are rejected. */
  readonly channel?: SideChannel;
  /**
   * `context.key` begins with this id. A program that goes on with the work of an earlier one gives the same
   * id. Absent: the run's id on the broker, or a new one per session.
   */
  readonly runId?: string;
  /**
   * The service that tasks call accepts this much, from all workers together. Tasks say so with
   * `context.limit.acquire`; the documents of a task that does not are limited instead, except where stages
   * have workers of their own. Absent: nothing is limited.
   */
  readonly limits?: readonly ServiceLimit[];
  /**
   * A document whose task fails for a reason that may go away is tried again, in the same worker. Where
   * stages have workers of their own, only the stage that has failed runs again. `timeoutMs` is the limit of
   * each try. Absent: it is tried once.
   */
  readonly retry?: RetryOptions;
  /**
   * A document that fails for good gets this value instead, whatever the reason: its outcome is `ok`, has
   * `fallback: true`, and still has the error. Absent: it is `failed`, `timed-out` or `crashed`.
   */
  readonly fallback?: Fallback;
  /**
   * Results are kept in a folder, and equal documents of later sessions get them from there; `openCache`
   * makes this. Equal documents of one session run once. Absent: nothing is kept.
   */
  readonly cache?: SessionCache;
  /** Says where a strategy between machines finds its broker and its agents. Other strategies ignore it. */
  readonly broker?: BrokerOptions;
  /** Limits the queues of a strategy that runs stages beside each other. Other strategies ignore it. */
  readonly pipeline?: PipelineOptions;
}

/** A strategy that runs the stages of a task beside each other takes these options. */
export interface PipelineOptions {
  /** Each queue between two stages has this many places. Absent: as many as keep all workers busy. */
  readonly places?: number;
  /**
   * All queues together, and the documents that have no outcome yet, hold about this much, MB of 2²⁰ bytes;
   * each worker may hold one value more. Absent: 64.
   */
  readonly mb?: number;
  /**
   * A run in which documents wait, no worker runs any, and nothing moves for this time fails, ms. Absent:
   * 30000.
   */
  readonly stallMs?: number;
  /** Gets one line for each change of the workers per stage, which says what moves and why. */
  readonly onDecision?: (line: string) => void;
}

/**
 * One limit of a service: at most this many requests or tokens in any time of this length, such as `1s`,
 * `60s` or `500ms`.
 */
export type ServiceLimit =
  | { readonly requests: number; readonly per: string }
  | { readonly tokens: number; readonly per: string };

/**
 * The value of documents that fail for good: always the same one, or what a function of the caller's returns.
 * A document for which the function throws has its own error.
 */
export type Fallback =
  | { readonly value: unknown }
  | ((error: TaskError, document: { readonly index: number; readonly id: string }) => unknown);

/**
 * Says which documents are tried again. A task marks an error with `retryable: true`, and may say with
 * `retryAfterMs` when the service will be there again. Errors without a mark are judged by `codes` and
 * `statuses`. This has nothing to do with a document that runs again because its worker has ended.
 */
export interface RetryOptions {
  /** A document is tried this often, the first time included. */
  readonly attempts: number;
  /**
   * Retries of all workers together are at most this share of the documents, so that a service in trouble is
   * not asked several times as often. A document that may not be tried again has failed. Absent: 0.1.
   */
  readonly budget?: number;
  /** The wait is always the same with 0, and any time between none and that with 1. Absent: 1. */
  readonly jitter?: number;
  /** The first retry waits for this time, ms, and each one for twice as long. Absent: 100. */
  readonly firstMs?: number;
  /** The longest wait, ms, unless the error asks for more with `retryAfterMs`. Absent: 20,000. */
  readonly maxMs?: number;
  /** Errors with such a `code` or `name`, such as `ECONNRESET` or `TimeoutError`, are tried again. */
  readonly codes?: readonly (string | number)[];
  /** Errors with such a `status` or `statusCode` of HTTP are tried again. */
  readonly statuses?: readonly number[];
}

/** A strategy between machines takes these options. */
export interface BrokerOptions {
  /**
   * Redis is at this URL, such as `rediss://user:password@host:6379/0`, or at this path of a socket. Absent:
   * the session starts a Redis of its own, which ends with it.
   */
  readonly url?: string;
  /**
   * `there`: agents that run already, on any machine, take the documents, and choose `workers`. A
   * number: the session starts this many agents on this machine and divides `workers` among them. Absent:
   * `there` with a `url`, or else two, or one for one worker.
   */
  readonly agents?: 'there' | number;
  /**
   * The run has this id on the broker. When a session that had the same id ended without closing, this one
   * takes its batches and results over. Absent: a new id.
   */
  readonly run?: string;
  /**
   * An agent that is not heard of for this time loses its batches, ms. Absent: 5000. Agents look for such
   * batches every `sweepMs`, so other agents run them after at most `lockMs` + 2 × `sweepMs`.
   */
  readonly lockMs?: number;
  /**
   * While no agent has joined, the session gives up when this aborts: `open` rejects, and the run is removed
   * from the broker. Batches that an earlier session has left stay there. Absent: it waits.
   */
  readonly stop?: AbortSignal;
  /** Agents look for batches of lost agents this often, ms. Absent: 1500. */
  readonly sweepMs?: number;
}

/** The caller answers its tasks with this: see `session/side-channel-protocol.ts`. */
export interface SideChannel {
  /**
   * Answers one request of a task. Requests of several tasks may be in progress at the same time. What it
   * throws rejects the task's `ask`.
   * @param from.worker the worker that runs the task, as in outcomes
   */
  onRequest?(request: unknown, from: { readonly worker: string }): unknown;
}

/** Gives each axis a number, by the axis's name. */
export type Configuration = Readonly<Record<string, number>>;
