import { deserialize, serialize } from 'node:v8';
import type { Served } from '../session/outcome.js';
import type { FromTask, ToTask } from '../session/side-channel-protocol.js';
import type { Members, OpenOptions, Result, RetryOptions, ServiceLimit, TaskError } from '../strategy.js';

/**
 * The protocol between the caller of a run and its agents, over a broker that keeps what they exchange.
 *
 * Names. A session of the strategy is one run of the broker, with an id of its own. All that the broker keeps
 * of it is under keys that begin with `forkwise:{<run>}:`. The other keys are `forkwise:runs`, the list of
 * announced runs, in which a run has one entry, and `forkwise:{limits}:…`, the shares that callers have of
 * limits: see `limit-shares.ts`.
 *
 *   key                      written by        what it has
 *   forkwise:runs            caller            the ids of announced runs
 *   …:card                   caller            what an agent must know to join: `RunCard`
 *   …:bundle                 caller            the code of the task; absent for agents of the caller's own
 *   …:batches:…              the engine        its queue: one job per batch, with id `b<number>` and no data
 *   …:batch:<number>         caller            the documents of the batch: `encodeBatch`
 *   …:up                     agents            a stream of `FromAgent`, which the caller reads as a group
 *   …:down                   caller            a stream of `ToAgent`, which each agent reads for itself
 *
 * A batch. The caller writes its documents, then its job: an agent that has the job finds the documents. The
 * agent with the job reads the documents, hands them to its session, and appends one or several `results` to
 * `up`; the one that completes the batch is `last`. Only then does it complete the job, which brings the
 * next one in the same call. The caller reads `results`, emits each outcome that it does not have yet, and
 * when the emits have resolved, removes the message; with the last outcome of a batch it removes the
 * documents. So the broker has all of a batch until all its outcomes were emitted, and only the caller
 * removes.
 *
 * Waking. A new job wakes an agent that waits in the engine's queue. A message in `up` wakes the caller, and
 * one in `down` wakes all agents: each waits in a read that blocks. Nothing polls, except that an agent
 * without a run looks at `forkwise:runs` once a second, and each side renews the keys' time to live.
 *
 * Joining. An agent reads the card, loads the task, starts its workers and posts `hello`, or `failed`. The
 * caller answers `hello` with the side channel's latest broadcast and cancellations, addressed to the agent.
 * A caller that opens a run posts `who`, since agents of an earlier caller may still be with it.
 *
 * Passes. A session may have several runs one after the other. Here each is a pass, and a batch carries the
 * number of its pass. An agent has one run of its session per pass: it begins the next one when it gets the
 * first batch of a later pass.
 *
 * Order. Batches and messages reach an agent on two ways. Lists of messages have ascending numbers, and an
 * agent runs a batch when it has heard the list that the caller had last begun: a task sees each broadcast
 * that was made before its document was sent.
 *
 * Counting. Results name a document by batch and position. The caller drops results of batches that it does
 * not know and of documents that have their outcome, and counts them: an agent that was cut off may come back
 * and report what another agent has run in the meantime.
 *
 * When an agent ends, or is cut off for longer than its lock lasts, another agent gets its batches, and
 * `TakenBatch.lost` counts the losses. Any document of them may be the reason, so the agent runs the
 * documents of such a batch one by one, beside no other document, and posts each result at once. Before each
 * it leaves a mark. A mark that an agent finds with its batch names the document that was running alone: the
 * documents before it have been reported. After two agents that ended so (`maxWorkersEnded`), the document
 * has crashed, and the agent goes on behind it. So a document that ends its agent ends three of them, as one
 * that ends a worker which reports documents together (`maxRuns` in `session/attempts.ts`).
 *
 * When the caller ends without closing, the agents run the batches that are there, and the results wait. A
 * caller that announces the same run again gets the batches that were left, reads their ids, and gives the
 * results to the documents with these ids when its source brings them. If none comes, everything of the run
 * expires after `keepMs`. Only a list of the engine's queue that is less than ten seconds old may have no
 * time to live yet; the next engine that connects to the broker removes it with its run.
 *
 * When the broker ends, both sides wait for it. The caller adds all its batches again when it comes back,
 * since the newest may be missing; the ones that are there stay as they are. A broker that came back without
 * the card has lost the run, and the run rejects with `RunLost`.
 *
 * A caller that gives up before an agent has joined removes the run, unless an earlier one has left batches.
 *
 * Closing. The caller posts `end`; agents close their sessions and post `bye`. After all have, or after a
 * grace, the caller removes all keys. An agent never creates a key: it appends to `up` only where that is
 * there. An agent that has missed `end` leaves when the card is gone.
 */

/** The keys of a run expire when neither its caller nor an agent has renewed them for this time, ms. */
export const keepMs = 24 * 60 * 60 * 1000;

/**
 * Agents run documents in a session of this strategy, unless their machine chooses another: a worker process
 * that crashes ends no agent.
 */
export const innerStrategy = 'queue';

/** The version of the protocol. An agent joins only runs of its own version. */
export const version = 2;

/** An agent reads this in order to join a run. */
export interface RunCard {
  readonly version: number;
  readonly run: string;
  /** The task: its name and options, and where its code is. */
  readonly task: {
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly code: TaskCode;
  };
  /** Documents may come by path and by reference. */
  readonly takesReferences: boolean;
  /** Keys of documents begin with this; absent: with `run`. */
  readonly runId?: string;
  readonly limits?: readonly ServiceLimit[];
  readonly retry?: RetryOptions;
  /** Each machine has the folder at this path. */
  readonly cache?: NonNullable<OpenOptions['cache']>;
  readonly timeoutMs?: number;
  readonly heapMb?: number;
  readonly memoryMb?: number;
  readonly lockMs: number;
  readonly sweepMs: number;
}

/**
 * An agent gets the task from the caller's own disk, which only agents that the caller has started do; as a
 * workload that it has itself; or as the bundle of the run, which has this hash, in hex.
 */
export type TaskCode = { readonly url: string } | { readonly workload: string } | { readonly sha256: string };

/** Agents post these messages. */
export type FromAgent =
  | Hello
  | {
      /** The agent could not load the task or start its workers, and has left. */
      readonly kind: 'failed';
      readonly agent: string;
      readonly error: TaskError;
    }
  | Results
  | {
      /** The agent got a batch whose documents the broker does not have. */
      readonly kind: 'no-documents';
      readonly agent: string;
      readonly batch: number;
    }
  | {
      /** A task asks the caller. */
      readonly kind: 'ask';
      readonly agent: string;
      /** The worker has this name in the agent's session. */
      readonly worker: string;
      readonly request: FromTask;
    }
  | {
      /** Answers `report`. */
      readonly kind: 'report';
      readonly agent: string;
      readonly id: number;
      /** The agent's own process has the first entry. Null when the session could not be asked. */
      readonly members: Members | null;
      /** A PING to the broker and back took this long, ms. */
      readonly roundTripMs: number;
    }
  | {
      /** A process of the agent's machine has emitted this warning. */
      readonly kind: 'warning';
      readonly agent: string;
      readonly text: string;
    }
  | {
      /** The agent has closed its session and left. */
      readonly kind: 'bye';
      readonly agent: string;
    };

/** The agent is ready: its workers have loaded the task. */
export interface Hello {
  readonly kind: 'hello';
  /** This name is unique over all agents and their restarts. */
  readonly agent: string;
  readonly host: string;
  readonly pid: number;
  readonly workers: number;
  /** At most this many batches are with the agent. */
  readonly credit: number;
  /** The agent's session is of this strategy. */
  readonly strategy: string;
}

/** The agent reports some documents of one batch. */
export interface Results {
  readonly kind: 'results';
  readonly agent: string;
  readonly batch: number;
  /** How many agents had lost the batch before. */
  readonly lost: number;
  /** The agent has now reported all documents of the batch. */
  readonly last: boolean;
  readonly rows: ResultRows;
}

/**
 * Results in columns, as in `batch-queue/replies.ts`: an object per document would repeat the same names. All
 * columns but `names`, `failures` and `served` have one entry per document, and `reads` has one or none.
 */
export interface ResultRows {
  /** Each document has this place in its batch. */
  readonly positions: readonly number[];
  /** Workers in the agent's session have these names. Each name is here once. */
  readonly names: readonly string[];
  /** The place of the worker in `names`; null where the worker has ended. */
  readonly workers: readonly (number | null)[];
  /** Null where the task never ended. */
  readonly taskMs: readonly (number | null)[];
  /** `undefined` where the document failed. */
  readonly values: readonly unknown[];
  /** `at` is the place in these columns. */
  readonly failures: readonly { readonly at: number; readonly result: Exclude<Result, { status: 'ok' }> }[];
  /** Workers have read this; null where none of these documents was read by a worker. */
  readonly reads: ReadColumns | null;
  /** What services have to do with documents. */
  readonly served: readonly ({ readonly at: number } & Served)[];
}

/** Null where the worker has read nothing, or no file. */
export interface ReadColumns {
  readonly sizes: readonly (number | null)[];
  readonly mtimesMs: readonly (number | null)[];
}

/**
 * The caller posts lists of these messages: all that it has at one time, so that an agent that hears of
 * many cancelled documents begins none of them. All agents receive all lists.
 */
export interface ToAgent {
  /** The agent that it is for; null for all. */
  readonly to: string | null;
  readonly message:
    | Exclude<ToTask, { readonly kind: 'cancel' | 'resume' | 'drop' | 'forget' }>
    /**
     * All documents of this pass, and of those before it, are cancelled. A batch of the next pass may come
     * before an agent has read this.
     */
    | { readonly kind: 'cancel'; readonly pass: number }
    /** One document of this pass is cancelled, or has its outcome. In another pass its index is another's. */
    | { readonly kind: 'drop'; readonly pass: number; readonly index: number }
    | { readonly kind: 'forget'; readonly pass: number; readonly index: number }
    | { readonly kind: 'report'; readonly id: number }
    /** The list that this is in has this number. Batches name the one that was last when they were made. */
    | { readonly kind: 'count'; readonly count: number }
    /** A caller has opened the run: agents that are with it already, from an earlier caller, post `hello`. */
    | { readonly kind: 'who' }
    /** The run is over. With `now` workers end at once; without it no batch is left. */
    | { readonly kind: 'end'; readonly now: boolean };
}

/**
 * An agent that the session starts itself is a process of `agent/own-agent.ts`, which gets this as its first
 * message over IPC: a URL may have a password, which process lists would show. It joins this run alone, and
 * ends with it or when the channel closes.
 */
export interface OwnAgentStart {
  readonly kind: 'start';
  readonly url: string;
  readonly run: string;
  /** Outcomes and messages name the agent so. */
  readonly agent: string;
  readonly workers: number;
}

/** Messages are cloned through bytes, so that results arrive as structured clone makes them. */
export function encodeMessage(message: Message): Uint8Array {
  return serialize(message);
}

/** @throws Error when the bytes are no message */
export function decodeMessage<Kind extends Message>(bytes: Uint8Array): Kind {
  return deserialize(bytes) as Kind;
}

type Message = FromAgent | readonly ToAgent[] | RunCard;
