import type { Document, WorkloadRef } from '../workloads/workload.js';

/** What is between a task and its caller, the weakest first: nothing, a thread's heap, a process, a machine. */
export const isolations = ['none', 'thread', 'process', 'machine'] as const;
/** One of the levels of `isolations`. */
export type Isolation = (typeof isolations)[number];

/** Whether an isolation is at least as strong as the asked one. */
export function isolates(has: Isolation, asked: Isolation): boolean {
  return isolations.indexOf(has) >= isolations.indexOf(asked);
}

/** The isolations that at least one of the strategies has, the weakest first: what `--isolation` accepts. */
export function isolationsOf(strategies: readonly Pick<StrategyTraits, 'isolation'>[]): Isolation[] {
  return isolations.filter((level) => strategies.some(({ isolation }) => isolation === level));
}

/** Who schedules the documents: our own code, a library, or a few lines of Node with no pool beneath them. */
export type Origin = 'ours' | 'library' | 'bare';

/** When a run measures a strategy: in every run, in runs that it fits, or only in runs that name it. */
export type Measured = 'always' | 'when it applies' | 'when named';

/**
 * What a strategy declares about itself: plain data, which can be sent to another process as JSON. The bench, the charts
 * and the runner decide by these traits and never by a strategy's name.
 */
export interface StrategyTraits {
  /** Names it in tables, on the command line and in `recommendation.json`. */
  readonly name: string;
  /** Says to people in one sentence how it schedules documents. */
  readonly about: string;
  /** A bad document can damage everything within this boundary, and nothing beyond it. */
  readonly isolation: Isolation;
  /** Tells our own strategies from those of libraries. */
  readonly origin: Origin;
  /** True for the one strategy that all others are compared with, and whose results they must equal. */
  readonly baseline: boolean;
  /** What the number `workers` counts: workers, or documents in flight on one thread. */
  readonly concurrency: 'workers' | 'in flight';
  /** Decides which runs measure the strategy. */
  readonly measured: Measured;
  /** How often a document may run at most: more than once only after a worker ended while it had the document. */
  readonly maxRuns: number;
  /** URL of the module that its workers run; null where documents run on the caller's own thread. */
  readonly workerModule: string | null;
  /** How documents can reach a worker; the first is the default. */
  readonly deliveries: readonly [Delivery, ...Delivery[]];
  /** The deliveries that need a file which the workers share with the caller. */
  readonly travelsInFile: readonly Delivery[];
  /** False when the number of workers means nothing to it: it is measured once. */
  readonly scales: boolean;
  /**
   * Documents a worker may be sent before it has answered, worth trying for small ones; the first is the default.
   * Absent where it is no option.
   */
  readonly inFlight?: readonly [number, ...number[]];
  /** Names of the numbers beside `workers` that `OpenOptions.configuration` may give; absent where there are none. */
  readonly axes?: readonly string[];
}

/**
 * The strategy contract: a way to schedule a workload over documents on `workers` workers. It knows the workload
 * contract and nothing of measuring.
 */
export interface Strategy extends StrategyTraits {
  /**
   * Starts the workers. Resolves when every worker has loaded the workload and run its `setup`.
   * @throws WorkloadError when the workload does not load; the error of `setup` when that throws.
   */
  open(workload: WorkloadRef, options: OpenOptions): Promise<Session>;
}

/** The traits alone, without the function that opens the strategy. */
export function traitsOf({ open: _, ...traits }: Strategy): StrategyTraits {
  return traits;
}

/** A line of the list of strategies, or of peers. */
export interface StrategyEntry {
  /** The name that the strategy itself has. */
  readonly name: string;
  /** Module whose default export is the `Strategy`. */
  readonly url: string;
}

/** How a document reaches a worker: not at all, as a copy, transferred, in shared memory, by message, or by path. */
export type Delivery = 'none' | 'clone' | 'transfer' | 'shared' | 'message' | 'path';
/** Lists all deliveries in the order that tables use. */
export const deliveries: readonly Delivery[] = ['none', 'clone', 'transfer', 'shared', 'message', 'path'];

/** Options that every strategy takes when it is opened. */
export interface OpenOptions {
  /** How many workers to start, or documents to have in flight: `concurrency` says which. */
  readonly workers: number;
  /** The strategy must list it in its `deliveries`. */
  readonly delivery: Delivery;
  /** Documents a worker is sent before it has answered, where the strategy has the option; absent: its default. */
  readonly inFlight?: number;
  /**
   * Further numbers beside `workers`, by the names in the strategy's `axes`, such as `{ processes: 2, threads: 4 }`.
   * `workers` stays their total. Absent: the strategy's defaults.
   */
  readonly configuration?: Configuration;
  /**
   * A task that has run longer ends as `timed-out`, and its worker with it. It is the task's own time that counts, not the
   * time it has waited. On the caller's own thread only what waits can be given up: an endless loop there ends nothing.
   */
  readonly timeoutMs?: number;
  /** Largest heap of a worker, MB of 2²⁰ bytes; a task that needs more crashes. Absent: its share of 80 % of the memory there is. */
  readonly heapMb?: number;
  /**
   * Largest resident size, MB of 2²⁰ bytes, of each worker that is a process; one that grows beyond it is ended. On Linux. Absent: its
   * share of 80 % of the memory there is. Threads have no size of their own: their buffers are bounded by nothing but the process.
   */
  readonly memoryMb?: number;
  /** Answers what tasks ask with `context.ask`. Absent: such requests are rejected. */
  readonly channel?: SideChannel;
}

/** The caller's part in the side channel: see `session/side-channel-protocol.ts`. */
export interface SideChannel {
  /**
   * Answers one request of a task. Requests of several tasks may be in progress at the same time. What it throws
   * rejects the task's `ask`.
   * @param from.worker the worker that runs the task, as in outcomes
   */
  onRequest?(request: unknown, from: { readonly worker: string }): unknown;
}

/** Numbers by the name of their axis. */
export type Configuration = Readonly<Record<string, number>>;

/** An open strategy: workers started, ready to process. */
export interface Session {
  /** What carries the documents, where that may differ from what the delivery asks for; absent where it cannot. */
  readonly transport?: Transport;
  /**
   * Gives every document exactly one outcome, in any order. Never rejects for a document's sake. A document whose worker ends is
   * run once more, alone on a new worker, and has crashed when that one ends, too: from then on the session refuses its id.
   * So a task may run twice for a document, and its outcome comes once. Documents are pulled
   * as there is room for them; a promise returned by `emit` holds the pulling back until it resolves. One run at a time.
   * With delivery `transfer` the documents' bytes are gone from the caller afterwards.
   * When `signal` aborts, no further document is pulled, those that have been get their outcomes, and the run rejects.
   * @throws what the source or `emit` throws; the signal's reason; Error when another run is under way or the session is closed.
   */
  run(documents: Documents, emit: Emit, options?: RunOptions): Promise<void>;
  /**
   * Sends a message to the tasks that listen with `context.onBroadcast`. Tasks that listen later get the latest one.
   * @throws DataCloneError when it cannot be cloned; Error when the session is closed, or its strategy has no side channel.
   */
  broadcast(message: unknown): void;
  /** The processes and JavaScript engines beside the caller's own, each with what it says of itself now. Between runs alone. */
  members(): Promise<Members>;
  /**
   * Afterwards no thread, process, handle or file is left. A run under way pulls no further document, gives those it
   * has pulled their outcomes and resolves first. It does not wait for a document that an asynchronous source was asked
   * for and has not given. With `now` it does not wait for tasks, either: their workers end at once, and what they had in their
   * hands has crashed. (On the caller's own thread a task that computes cannot be ended.)
   */
  close(options?: CloseOptions): Promise<void>;
}

/** Options of one run of a session. */
export interface RunOptions {
  /** Ends the run when it aborts. */
  readonly signal?: AbortSignal;
}

/** Options of closing. With `now`, documents that are running end as `crashed`. */
export interface CloseOptions {
  /** True ends the workers at once, and their documents have crashed. Absent: workers finish their documents. */
  readonly now?: boolean;
}

/** Documents in a file on tmpfs, in a temporary file, or in the messages themselves. */
export type Transport = 'tmpfs' | 'file' | 'message';

/** The source of a run. An asynchronous source is pulled one document at a time. */
export type Documents = Iterable<Document> | AsyncIterable<Document>;
/** Receives each outcome. A promise that it returns holds back the pulling of documents until it resolves. */
export type Emit = (outcome: Outcome) => void | Promise<void>;

/** What became of one document. */
export type Outcome = {
  /** The document has this place in its source, from 0. */
  readonly index: number;
  /** The document has this id. */
  readonly id: string;
  /**
   * The worker that had the document: a name that is unique among the session's workers and means nothing else. Null
   * where the worker ended with it.
   */
  readonly worker: string | null;
  /**
   * From being pulled until the task began; null when it never began, and where the worker is on another machine, whose
   * clock cannot be compared with the caller's.
   */
  readonly queuedMs: number | null;
  /** By the worker's clock around the task; null when it never ended. */
  readonly taskMs: number | null;
} & Result;

/** How a document ended: with the value of its task, or with an error. */
export type Result =
  | { readonly status: 'ok'; readonly value: unknown }
  | { readonly status: 'failed' | 'timed-out' | 'crashed'; readonly error: TaskError };

/** An error as plain data, the same from every strategy: error classes do not survive a process boundary. */
export interface TaskError {
  /** The name that the error has; `NonError` when the task threw something else. */
  readonly name: string;
  /** The message that the error has. */
  readonly message: string;
  /** Shows where the error was thrown; absent where that is unknown. */
  readonly stack?: string;
  /** How the worker ended, where that is known. */
  readonly exitCode?: number;
  /** This signal ended the worker; absent where that is unknown. */
  readonly signal?: string;
  /** The heap reached its limit. Where a process was ended for its memory from outside, nobody says so. */
  readonly outOfMemory?: true;
  /** How many workers the document has ended; from the second on the session refuses its id. */
  readonly attempts?: number;
}

/** What the workers of a session use: one entry per process and one per JavaScript engine. */
export interface Members {
  /** Every process beside the caller's own has an entry. */
  readonly processes: readonly Member[];
  /** Every engine beside the caller's own has an entry. */
  readonly engines: readonly Engine[];
  /** Set when some of the workers could not be asked, because they are out of reach: the lists are incomplete then. */
  readonly partial?: true;
}

/** One process, as it counts itself: microseconds of CPU time and context switches since it started. */
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

/** One JavaScript engine (a worker thread, or the main thread of a child process): milliseconds since it started. */
export interface Engine {
  /** As in outcomes. */
  readonly worker: string;
  /** Time in which its event loop was busy (blocking waits count as busy) and idle. */
  readonly loopActiveMs: number;
  /** Time in which its event loop waited for events. */
  readonly loopIdleMs: number;
  /** Time that garbage collection took. */
  readonly gcMs: number;
}

/** What `members` says where there is nobody else. */
export const alone: Members = { processes: [], engines: [] };
