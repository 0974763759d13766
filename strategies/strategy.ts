import type { WorkloadRef } from '../workloads/workload.js';
import type { Delivery } from './delivery.js';
import type { Members, StageReport } from './members.js';
import type { OpenOptions } from './open-options.js';
import type { Documents, Emit } from './outcome.js';

// The contract of a strategy: what it says of itself, and its sessions. These files have the rest of it.
export * from './delivery.js';
export * from './members.js';
export * from './open-options.js';
export * from './outcome.js';

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
   * @throws WorkloadError when the workload does not load, or its `setup` fails.
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
  /** The service has refused this many requests: see `ContextLimit.report`. */
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
