import type { MessagePort } from 'node:worker_threads';
import type { TaskServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import type { Replies } from '../batch-queue/replies.js';
import type { FromEveryChild } from '../processes/messages.js';
import type { CarriedDocument } from '../session/reference.js';
import type { ChannelEnvelope, ToTask } from '../session/side-channel-protocol.js';
import type { Engine, Member } from '../strategy.js';

/**
 * The protocol between the controller of a pipeline, on the caller's thread, and the workers of its stages,
 * which are threads and processes.
 *
 * Way of a document. The controller pulls it, and keeps it until it has its outcome. It sends the document
 * to a worker of the first stage, gets the value back, and puts the value into the queue in front of the
 * next stage. What the last stage returns is the outcome's value. So every value passes through the
 * controller, and all queues are there. A message carries several values where they are short, so that a
 * hop costs little.
 *
 * Credit. A queue has a limit in values and one in bytes. A worker gets values only while what it may
 * return has room in the queue behind it: the values in that queue, the values that the next stage's
 * workers have not begun, and the values that this stage's workers have, are together at most the queue's
 * places and one for each worker of this stage, which may hold a finished value. Outcomes that the caller
 * has not taken are such a queue, too, and the controller pulls a document only when the first queue has
 * room. So a slow consumer holds all stages back, and the source last.
 *
 * Requests. The controller sends requests, and the worker serves them in their order and gives each one
 * answer:
 *
 *     run      values for one stage, each of which is a call, or all of which are one batch   ->  replies
 *     report                                                                                   ->  report
 *     close                                     ->  none: the worker runs its teardowns and ends
 *
 * A worker has at most two unanswered `run`s: it works on one, and has the next one ready. Of a task that
 * takes longer than `longMs`, it has one.
 *
 * Start. A worker hears which stages it serves. It loads the task, opens these stages, and sends `ready`
 * or `failed`, once. The first worker of a session is a thread that gets `null` instead: it loads the task,
 * answers with `described`, and waits for `open`, which says which stages it serves. The caller's own
 * thread never loads the task.
 *
 * A document that runs for the second time, and a document that may be cancelled, is `alone`: it is in a
 * message of its own, which is sent to a worker that has answered everything, and nothing is sent behind
 * it. So a worker that ends has ended because of it, and ending the worker takes no other document away. A
 * process announces such a request with `began` before its call. If it ends without, the document is not
 * the cause.
 *
 * Board. A thread and the controller share a few words of memory: how many requests it has begun, how many
 * calls of the current one have ended, and when the current call began. The controller reads them when the
 * thread has ended, and to find calls that take too long. A process has no such board. If one ends, the
 * documents of its first unanswered request are suspects alike.
 *
 * When a worker ends without being told to, the controller starts another one. The values that it had not
 * begun are sent again, if the controller still has them. Moved values are gone, and their documents start
 * again from the first stage. So do the documents of values that it was running, alone.
 * `session/attempts.ts` says how often.
 *
 * Batches. When a batch fails, the worker runs its values again one by one. When a batch takes too long or
 * ends its worker, its documents start again alone, so that each has its own outcome.
 *
 * Side channel. Its messages travel on their own (`session/side-channel-protocol.ts`): a thread has a port
 * for them, and a process wraps them. The words `last words` and `near-limit` come beside the answers, too,
 * so errors and health never wait for values. Progress is not sent at all: the controller reads it from
 * replies.
 *
 * Nothing waits forever. A wait for `ready`, for an answer, or for the end after `close`, ends with the
 * message or with the end of the worker. When documents are there, no worker runs any, and nothing has
 * moved for a time, the run rejects and says what is in each queue (`stall.ts`).
 */
export type ToStage =
  | RunMessage
  | { readonly kind: 'open'; readonly stages: readonly number[] }
  | { readonly kind: 'report' }
  | { readonly kind: 'close' }
  | ChannelEnvelope<ToTask>;

/**
 * Buffers of at least this many bytes are moved between threads, in both directions. A message that clones a
 * smaller one costs less.
 */
export const movedBytes = 4096;

/** Carries values to a worker. An object per value would repeat the same names. */
export interface RunMessage {
  readonly kind: 'run';
  /** The values are for the stage with this number, from 0. */
  readonly stage: number;
  /** The documents of the values, which may be the same for several. */
  readonly ids: readonly string[];
  readonly indexes: readonly number[];
  /** Tells values of one document apart (`StageItem.part`); absent where no stage before has `flatMap`. */
  readonly parts?: readonly string[];
  /** The bytes of documents for the first stage, and what the stage before has returned for the others. */
  readonly values: readonly unknown[];
  /** How the first stage reads each document; absent when all have their content. */
  readonly by?: readonly CarriedDocument['by'][];
  /** True where the values are one batch, which is one call. */
  readonly isBatch: boolean;
  /** True where a process announces that it begins. */
  readonly isWatched: boolean;
}

export type FromStage =
  | FromEveryChild
  | { readonly kind: 'described'; readonly stages: readonly StageDescription[] | null }
  | StageAnswer;

export type StageAnswer =
  | RunReplies
  | { readonly kind: 'report'; readonly member: Member; readonly engine: Engine };

/** Answers a `run`, with one reply for each of its values. A stage with `flatMap` has arrays as values. */
export interface RunReplies extends Replies {
  readonly kind: 'replies';
  readonly worker: string;
  /** Each value has about this size, bytes. */
  readonly bytes: Float64Array;
}

/** The controller knows this of a stage. */
export interface StageDescription {
  readonly name: string;
  readonly isolation: 'thread' | 'process';
  readonly batch: { readonly documents: number; readonly ms: number } | null;
  readonly timeoutMs: number | null;
  readonly flatMap: boolean;
}

/**
 * A worker starts with this: a thread gets it as its `workerData`, a process as its only argument, as JSON.
 */
export interface StageStart {
  readonly workload: WorkloadRef;
  /** The numbers of the stages that it serves. Null: it describes them first, and waits. */
  readonly stages: readonly number[] | null;
  readonly services: TaskServices;
  /** Time limit of a call where its stage has none, ms; absent: there is none. */
  readonly timeoutMs?: number | undefined;
  /** The session has this many workers. */
  readonly workers: number;
  /** The heap may grow to this size, MB. */
  readonly heapMb: number;
  /** Buffers that are not used any more are collected when they have this many bytes. */
  readonly garbageBytes: number;
}

export interface ThreadStart extends StageStart {
  /** Requests arrive here, and answers leave. */
  readonly port: MessagePort;
  /** The board uses this memory. */
  readonly board: SharedArrayBuffer;
}
