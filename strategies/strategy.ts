import type { SessionCache } from '../services/cache/cache-facts.js';
import type { Document, WorkloadRef } from '../workloads/workload.js';

/**
 * Lists what separates a task from its caller, the weakest first: nothing, a thread's heap, a process, a
 * machine.
 */
export const isolations = ['none', 'thread', 'process', 'machine'] as const;
/** An isolation is one level of this list. */
export type Isolation = (typeof isolations)[number];

/** Tells whether an isolation is at least as strong as the asked one. */
export function isolates(has: Isolation, asked: Isolation): boolean {
  return isolations.indexOf(has) >= isolations.indexOf(asked);
}

/** Returns the isolations that at least one strategy has, the weakest first. `--isolation` accepts these. */
export function isolationsOf(strategies: readonly Pick<StrategyTraits, 'isolation'>[]): Isolation[] {
  return isolations.filter((level) => strategies.some(({ isolation }) => isolation === level));
}

/** Says which code schedules the documents: our own, a library's, or a few lines of Node without any pool. */
export type Origin = 'ours' | 'library' | 'bare';

/** Says which runs measure a strategy: all, the runs it is suited to, or only the runs that name it. */
export type Measured = 'always' | 'when it applies' | 'when named';

/**
 * A strategy declares these traits. They are plain data that can be sent to another process as JSON. The
 * bench, the charts and the runner decide by traits and never by a strategy's name.
 */
export interface StrategyTraits {
  /** Tables, the command line and `recommendation.json` use this name. */
  readonly name: string;
  /** This sentence tells people how the strategy schedules documents. */
  readonly about: string;
  /** A bad document can damage everything within this boundary, and nothing beyond it. */
  readonly isolation: Isolation;
  /** This tells our own strategies from the strategies of libraries. */
  readonly origin: Origin;
  /** True for the one strategy that all others are compared with, and whose results they must equal. */
  readonly baseline: boolean;
  /**
   * True where the rate is a limit of the machine, and not that of a way to run documents. Reports say which
   * share of it other strategies reach, and never recommend it. Absent: it is a way to run documents.
   */
  readonly limit?: true;
  /** The number `workers` counts these: workers, or documents in flight on one thread. */
  readonly concurrency: 'workers' | 'in flight';
  /** Decides which runs measure the strategy. */
  readonly measured: Measured;
  /**
   * A document may run this often. It runs again only after a worker ended that had it; runs that end because
   * another document was cancelled do not count.
   */
  readonly maxRuns: number;
  /**
   * A strategy between machines runs documents in sessions of this strategy, unless the machines choose
   * another. What a document costs beyond it is the price of the broker. Absent: it has none.
   */
  readonly inner?: string;
  /** A worker that is near a limit of its memory is replaced between two documents. Absent: it is not. */
  readonly retires?: true;
  /** The workers run the module at this URL; null where documents run on the caller's own thread. */
  readonly workerModule: string | null;
  /** Documents can reach a worker in these ways; the first is the default. */
  readonly deliveries: readonly [Delivery, ...Delivery[]];
  /** These deliveries need a file that the workers share with the caller. */
  readonly travelsInFile: readonly Delivery[];
  /** False when the number of workers makes no difference: the strategy is then measured once. */
  readonly scales: boolean;
  /**
   * A worker may be sent this many documents before it has answered. Each number is worth trying for small
   * documents; the first is the default. Absent where the strategy has no such option.
   */
  readonly inFlight?: readonly [number, ...number[]];
  /** The strategy takes `OpenOptions.perWorker`. Absent: a worker runs one document at a time. */
  readonly perWorker?: true;
  /**
   * `OpenOptions.configuration` may give numbers with these names, beside `workers`; absent where there are
   * none.
   */
  readonly axes?: readonly string[];
  /**
   * Each stage of a task has workers of its own, and a task without stages is one stage. The axes of
   * `configuration` are then the names of the stages, and each number is that of the stage's workers.
   * Absent: a worker runs all stages of a document.
   */
  readonly staged?: true;
}

/**
 * The strategy contract. A strategy schedules a workload over documents on `workers` workers. It knows the
 * contract of workloads, and it does not know that it is measured.
 */
export interface Strategy extends StrategyTraits {
  /**
   * Starts the workers. Resolves when every worker has loaded the workload and run its `setup`.
   * @throws WorkloadError when the workload does not load; the error of `setup` when that throws.
   */
  open(workload: WorkloadRef, options: OpenOptions): Promise<Session>;
}

/** Returns the traits alone, without the function that opens the strategy. */
export function traitsOf({ open: _, ...traits }: Strategy): StrategyTraits {
  return traits;
}

/** The lists of strategies and of peers have entries of this shape. */
export interface StrategyEntry {
  /** The strategy itself has the same name. */
  readonly name: string;
  /** The module at this URL has the `Strategy` as its default export. */
  readonly url: string;
  /** True where it needs a broker, which not every machine has. Only runs that name it start one. */
  readonly needsBroker?: true;
}

/**
 * Says how a document reaches a worker: not at all, cloned, transferred, in shared memory, by message, by
 * path, or by reference, so that the worker reads it.
 */
export type Delivery = 'none' | 'clone' | 'transfer' | 'shared' | 'message' | 'path' | 'reference';
/** Lists all deliveries in the order that tables use. */
export const deliveries: readonly Delivery[] = [
  'none',
  'clone',
  'transfer',
  'shared',
  'message',
  'path',
  'reference',
];

/** Returns a strategy's deliveries for documents whose bytes the caller has; the first is the default. */
export function deliveriesOfBytes({ deliveries }: Pick<StrategyTraits, 'deliveries'>): Delivery[] {
  return deliveries.filter((delivery) => delivery !== 'reference');
}

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

/** An open strategy, whose workers are started and ready. */
export interface Session {
  /**
   * The documents travel this way, where it may differ from what the delivery asks for; absent where it
   * cannot.
   */
  readonly transport?: Transport;
  /**
   * Gives every document exactly one outcome, in any order, and never rejects because of a document.
   * Documents are pulled when there is room for them. A promise that `emit` returns holds the pulling back
   * until it resolves. A session has one run at a time. With delivery `transfer` the caller loses the
   * documents' bytes.
   *
   * A document whose worker ends runs again, on a new worker, and has crashed when it has ended two
   * workers. From then on the session refuses its id. A document runs at most `maxRuns` times, a trait of
   * the strategy, and has one outcome.
   *
   * When `signal` aborts, no further document is pulled, the signals of documents in progress abort, every
   * document that was pulled gets its outcome, and the run rejects.
   * @throws what the source or `emit` throws; the signal's reason; Error when another run is in progress or
   * the session is closed.
   */
  run(documents: Documents, emit: Emit, options?: RunOptions): Promise<void>;
  /**
   * Cancels the document with this index of the current run: it never begins, or its signal aborts, and its
   * worker is ended if the task still runs 1 s later. (On the caller's own thread nothing can be ended.) The
   * other documents of that worker run again, and that does not count as a run. The document has one outcome,
   * which the caller discards. Does nothing when the document has its outcome. Only documents that the run's
   * `cancellable` names are sure to be ended.
   */
  cancel(index: number): void;
  /**
   * Sends a message to the tasks that listen with `context.onBroadcast`. Tasks that listen later get the
   * latest one.
   * @throws DataCloneError when it cannot be cloned; Error when the session is closed, or its strategy has
   * no side channel.
   */
  broadcast(message: unknown): void;
  /**
   * Changes `OpenOptions.perWorker`, also during a run: workers begin no further document before fewer than
   * this many are running. Absent where the strategy has no such option. In a strategy that counts documents
   * in flight it changes their number, from the run on that begins after its first call.
   * @throws RangeError when it is no whole number from 1 on
   */
  setPerWorker?(perWorker: number): void;
  /**
   * Asks the processes and JavaScript engines beside the caller's own for their usage. Call it only between
   * runs.
   */
  members(): Promise<Members>;
  /**
   * Says what each stage has done since the session opened, and what it is doing, in the order of the stages.
   * It may be called at any time and costs no worker anything. Absent where the strategy has no stages.
   */
  stages?(): readonly StageReport[];
  /**
   * Workers that were replaced between two documents since the session opened, because they were near their
   * limit of memory. Absent: unknown.
   */
  readonly replaced?: number | undefined;
  /**
   * What services have refused since the session opened, as tasks have reported it. Absent: the strategy has
   * no side channel.
   */
  readonly refusals?: ServiceRefusals | undefined;
  /**
   * How long the latest run took, ms, where the session hands documents over before its own clock starts and
   * takes results back after it has stopped. Absent: a run takes as long as `run`.
   */
  readonly runMs?: number | undefined;
  /**
   * Leaves no thread, process, handle or file. A run in progress pulls no further document, gives the
   * documents it has pulled their outcomes and resolves first. It does not wait for a document that an
   * asynchronous source was asked for and has not given. With `now` it does not wait for tasks, either:
   * their workers end at once, and the documents that were running have crashed. (On the caller's own
   * thread a task that computes cannot be ended.)
   */
  close(options?: CloseOptions): Promise<void>;
}

/** Services have refused requests of tasks. */
export interface ServiceRefusals {
  /** This many answers had the status 429 or 503. */
  readonly requests: number;
  /** No request was allowed for this long, because the service asked for that, ms. */
  readonly closedMs: number;
  /** The headers of these answers say that such limits were used up, like `100 requests`. */
  readonly limits: readonly string[];
}

/** One run of a session takes these options. */
export interface RunOptions {
  /** Ends the run when it aborts. */
  readonly signal?: AbortSignal;
  /**
   * Tells whether `cancel` may be called for the document with this index. It is called once or more for each
   * document, after that was pulled. Absent: for none.
   */
  readonly cancellable?: (index: number) => boolean;
}

/** `close` takes these options. With `now`, documents that are running end as `crashed`. */
export interface CloseOptions {
  /**
   * True ends the workers at once, and their documents have crashed. Absent: workers finish their
   * documents.
   */
  readonly now?: boolean;
}

/** Documents travel in a file on tmpfs, in a temporary file, or in the messages themselves. */
export type Transport = 'tmpfs' | 'file' | 'message';

/** A run reads this source. An asynchronous source is pulled one document at a time. */
export type Documents = Iterable<AnyDocument> | AsyncIterable<AnyDocument>;

/**
 * A source gives each document in one of three forms: with its bytes, by path, or by another reference. The
 * last two need delivery `reference`.
 */
export type AnyDocument = Document | DocumentByPath | DocumentByReference;

/** A document that is a regular file, which the worker reads. */
export interface DocumentByPath {
  /** The document has this place in the run, from 0. */
  readonly index: number;
  /** The document has this name; equal ids mean equal content. */
  readonly id: string;
  /** The file's path; its bytes where they are no UTF-8. A relative one starts at the caller's folder. */
  readonly path: string | Uint8Array;
  /** The file has about this size, bytes. Absent: unknown. Workers read what is there. */
  readonly size?: number;
}

/** A document whose bytes the task's `resolve` fetches in the worker. */
export interface DocumentByReference {
  /** The document has this place in the run, from 0. */
  readonly index: number;
  /** The document has this name; equal ids mean equal content. */
  readonly id: string;
  /** `resolve` gets this as JSON would copy it: a URL as text, a key, an object of such values. */
  readonly reference: unknown;
  /** The content has about this size, bytes. Absent: unknown. */
  readonly size?: number;
}
/**
 * Receives each outcome, which is then its own: it may change it. A promise that it returns holds back the
 * pulling of documents until it resolves.
 */
export type Emit = (outcome: Outcome) => void | Promise<void>;

/** Says how one document ended, on which worker and when. */
export type Outcome = {
  /** The document has this place in its source, from 0. */
  readonly index: number;
  /** The document has this id. */
  readonly id: string;
  /**
   * The worker with this name had the document. The name is unique among the session's workers and has no
   * other meaning. Null where the worker ended with the document.
   */
  readonly worker: string | null;
  /**
   * The document waited this long from being pulled until its task began, ms. Null when the task never
   * began, and where the worker is on another machine, because its clock cannot be compared with the
   * caller's.
   */
  readonly queuedMs: number | null;
  /**
   * The task took this long by the worker's clock, ms; null when it never ended. Where the worker read the
   * document, that is part of it.
   */
  readonly taskMs: number | null;
  /** The worker read this many bytes. Absent for documents that had bytes, and when nothing was read. */
  readonly size?: number;
  /** The file that the worker read was changed at this time, ms since 1970; absent for other documents. */
  readonly mtimeMs?: number;
  /** The document was tried this often. Absent: once. */
  readonly tries?: number;
  /** It waited this long in its worker for limits and between tries, ms. Absent: not at all. */
  readonly waitedMs?: number;
  /**
   * The value is from the cache, and the task took this long when it was kept, ms. Absent: the task ran.
   */
  readonly cachedMs?: number;
} & Result;

/** A document ends with the value of its task, or with an error. */
export type Result =
  | {
      readonly status: 'ok';
      readonly value: unknown;
      /** The document has failed, and `OpenOptions.fallback` has given the value. */
      readonly fallback?: true;
      /** The reason, where there is a fallback. */
      readonly error?: TaskError;
    }
  | { readonly status: 'failed' | 'timed-out' | 'crashed'; readonly error: TaskError };

/** An error as plain data, the same from every strategy: error classes do not survive a process boundary. */
export interface TaskError {
  /** The name that the error has; `NonError` when the task threw something else. */
  readonly name: string;
  /** The message that the error has. */
  readonly message: string;
  /** Shows where the error was thrown; absent where that is unknown. */
  readonly stack?: string;
  /** The code that the error has, such as `ENOENT`; absent where it is neither a string nor a number. */
  readonly code?: string | number;
  /** The error's `cause`, in the same form, at most five deep. */
  readonly cause?: TaskError;
  /** The errors of an `AggregateError`, in the same form; a task's error brings at most 100 in all. */
  readonly errors?: readonly TaskError[];
  /**
   * The error's other own members, as far as they can be cloned. They have at most 64 KB in all; when some
   * were cut, the member `…` says which.
   */
  readonly data?: Readonly<Record<string, unknown>>;
  /** The worker ended with this code; absent where that is unknown. */
  readonly exitCode?: number;
  /** This signal ended the worker; absent where that is unknown. */
  readonly signal?: string;
  /**
   * The heap reached its limit. Absent also where the system ended a process for its memory, because it
   * does not say so.
   */
  readonly outOfMemory?: true;
  /** The document has ended this many workers; from the second on the session refuses its id. */
  readonly attempts?: number;
}

/** Says what the workers of a session use, with one entry per process and one per JavaScript engine. */
export interface Members {
  /** Every process beside the caller's own has an entry. */
  readonly processes: readonly Member[];
  /** Every engine beside the caller's own has an entry. */
  readonly engines: readonly Engine[];
  /** Set when some workers could not be asked: the lists are then incomplete. */
  readonly partial?: true;
  /** The agents of a strategy between machines. Processes of other machines are in none of these lists. */
  readonly machines?: readonly MachineReport[];
  /** Batches that were run again since the session opened, because their agent was lost. */
  readonly redelivered?: number;
  /** Results that were dropped since then, because the document had its outcome already. */
  readonly duplicates?: number;
}

/** Describes an agent of a strategy between machines. */
export interface MachineReport {
  /** Names of workers begin with this name and a slash. */
  readonly agent: string;
  /** The machine has this host name. */
  readonly host: string;
  /** The agent runs this many workers. */
  readonly workers: number;
  /** A message from the agent to the broker and back took this long, ms. */
  readonly roundTripMs: number;
}

/** One process reports its CPU time and context switches since it started. */
export interface Member {
  /** The system gave the process this id. */
  readonly pid: number;
  /** CPU time that the process spent in its own code, µs. */
  readonly cpuUserUs: number;
  /** CPU time that the system spent for the process, µs. */
  readonly cpuSystemUs: number;
  /** Counts how often the process gave its core away in order to wait. */
  readonly switchesVoluntary: number;
  /** Counts how often the system took the core away. */
  readonly switchesInvoluntary: number;
}

/**
 * One JavaScript engine (a worker thread, or the main thread of a child process) reports its times since it
 * started, ms.
 */
export interface Engine {
  /** Outcomes use the same name. */
  readonly worker: string;
  /** Its event loop was busy for this long; a wait that blocks counts as busy. */
  readonly loopActiveMs: number;
  /** Its event loop waited for events for this long. */
  readonly loopIdleMs: number;
  /** Garbage collection took this long. */
  readonly gcMs: number;
}

/**
 * One stage reports its work since the session opened. Times are those of all its workers together. Where a
 * worker serves several stages, the time in which it does nothing counts for one of them.
 */
export interface StageReport {
  /** The stage has this name. */
  readonly stage: string;
  /** The stage has this many workers now; a starting one counts. */
  readonly workers: number;
  /** This many of these workers are not ready yet. */
  readonly starting: number;
  /** The stage has finished this many values, with a result or an error. */
  readonly documents: number;
  /** The values that the stage took had about this size, bytes. */
  readonly bytes: number;
  /** Workers ran the stage for this long by their clocks, ms. */
  readonly busyMs: number;
  /** Workers were ready, values waited, and the queue behind the stage had no room, for this long, ms. */
  readonly blockedMs: number;
  /** Workers were ready and waited for values for this long, ms. */
  readonly idleMs: number;
  /** Values that wait in front of the stage now, in its queue and in its workers. */
  readonly waiting: number;
  /** These values have about this size, bytes. */
  readonly waitingBytes: number;
}

/** `members` returns this where there are no workers beside the caller's thread. */
export const alone: Members = { processes: [], engines: [] };
