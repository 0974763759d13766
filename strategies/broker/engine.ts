import type { RunCard } from './protocol.js';

/**
 * A broker keeps the batches and messages of a run between its caller and its agents. The strategy and the
 * agents know a broker by these eight functions alone; `bullmq.ts` has them on BullMQ and Redis. What is kept
 * under which key, and in which order it is written, is in `protocol.ts`.
 *
 * An engine waits where the broker cannot answer: while the connection is lost, and while the broker's memory
 * is full. It makes each write again after that, so a batch may be added and a message may be posted twice.
 * Both sides must drop what they know already.
 */
export interface Engine {
  /**
   * Caller: makes the run known to agents.
   * @param bundle the task's code; null where agents load the task from the caller's own disk
   * @returns the batches that an earlier caller of the same run has left, if there was one
   */
  announce(card: RunCard, bundle: Uint8Array | null): Promise<LeftBatch[]>;
  /** Agent: returns the runs that callers have announced and not removed, the oldest first. */
  runs(): Promise<AnnouncedRun[]>;
  /** Caller: adds a batch for agents to take. Does nothing where one of this number waits or runs. */
  add(batch: number, blob: Uint8Array): Promise<void>;
  /** Agent: begins to take batches. Call it once. */
  take(options: TakeOptions): Promise<Taking>;
  /**
   * Both: appends a message that the other side receives. The caller's messages reach all agents.
   * @returns false when the run was removed, so that no side reads the message
   */
  post(message: Uint8Array): Promise<boolean>;
  /**
   * Both: returns the other side's messages that this side has not received, in their order, and waits for
   * one. An empty list says that none came in this time. A caller gets each message again, from this
   * connection or the next, until it has settled it; an agent begins with the oldest message that is kept.
   * @throws RunLost when the broker no longer has the run
   */
  receive(waitMs: number): Promise<Received[]>;
  /** Caller: removes messages that it has dealt with, and batches whose outcomes it has all emitted. */
  settle(done: Settled): Promise<void>;
  /** Both: ends the connections. With `remove`, the caller first removes all keys of the run. */
  close(options: { readonly remove: boolean }): Promise<void>;
}

/** One side of a run connects with these. */
export interface ConnectOptions {
  /** The broker is at this URL, such as `redis://host:6379`, or at this path of a socket. */
  readonly url: string;
  readonly side: 'caller' | 'agent';
  /** Absent for an agent that only asks for `runs`. */
  readonly run?: string;
}

/** Connects to a broker. It rejects when no broker answers within 10 s, and when a package is missing. */
export type Connect = (options: ConnectOptions) => Promise<Engine>;

/** A batch that an earlier caller of the run has added, and whose outcomes it has not all emitted. */
export interface LeftBatch {
  readonly batch: number;
  readonly blob: Uint8Array;
}

/** A run that an agent may join. */
export interface AnnouncedRun {
  readonly card: RunCard;
  /** Fetches the code of the task; null when the run was removed, or has none. */
  bundle(): Promise<Uint8Array | null>;
}

export interface TakeOptions {
  /** At most this many batches are with the agent. */
  readonly credit: number;
  /**
   * Tells whether the agent has so little to do that the next batch should come. It is asked before each
   * batch after the first one, and after `Taking.look`. An agent that took batches early would keep them from
   * another one that has nothing to do.
   */
  wantsMore(): boolean;
  /** A batch is the agent's for this time, ms, and again for this time while the agent lives. */
  readonly lockMs: number;
  /** The agents look this often, ms, for batches whose agent no longer lives. */
  readonly sweepMs: number;
  /**
   * Deals with one batch. The batch is done when the promise resolves: the agent must have posted its results
   * by then. It must not compute on this thread: the thread also renews the agent's hold on its batches.
   */
  work(taken: TakenBatch): Promise<void>;
}

export interface TakenBatch {
  readonly batch: number;
  /** Null when the broker no longer has the documents: the caller has all outcomes, or they were lost. */
  readonly blob: Uint8Array | null;
  /** The engine uses the memory of `blob` again. Call it at most once, when nothing reads the documents. */
  free(): void;
  /** How many agents have lost the batch before, because they ended or were cut off. */
  readonly lost: number;
  /** The mark that the last of these agents has left; null where there is none. */
  readonly mark: BatchMark | null;
  /** Leaves a mark for the agent that gets the batch if this one ends. */
  leaveMark(mark: BatchMark): Promise<void>;
}

/** Says which document of a batch an agent was about to run alone, and how many agents have been. */
export interface BatchMark {
  readonly position: number;
  readonly tries: number;
}

/** The agent's taking of batches, which ends in one of these ways. */
export interface Taking {
  /** Asks `wantsMore` again. */
  look(): void;
  /** Takes no further batch, and resolves when the ones that it has are done. */
  stop(): Promise<void>;
  /** Gives all batches up: other agents get them when their locks have run out. */
  abandon(): Promise<void>;
}

export interface Received {
  /** The caller settles the message by this name. */
  readonly receipt: string;
  readonly message: Uint8Array;
}

export interface Settled {
  readonly receipts: readonly string[];
  readonly batches: readonly number[];
}

/** The broker has forgotten the run: it was restarted without its data, or the run was removed. */
export class RunLost extends Error {
  override readonly name = 'RunLost';

  constructor() {
    super(
      'the broker no longer has the data of this run: it was restarted without persistence, or its data ' +
        'were removed. Outcomes that were emitted are complete; start the run again for the others',
    );
  }
}

/** No broker answered in time, or it refused the connection for good. */
export class NoBroker extends Error {
  override readonly name = 'NoBroker';
}

/** A broker answers, and no agent has joined the run in time. */
export class NoAgent extends Error {
  override readonly name = 'NoAgent';
}

/** The packages that connect to a broker are not installed. */
export class NoPackages extends Error {
  override readonly name = 'NoPackages';
}
