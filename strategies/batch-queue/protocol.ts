import type { TaskServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import type { FromEveryChild } from '../processes/messages.js';
import type { CarriedDocument } from '../session/reference.js';
import type { ChannelEnvelope, ToTask } from '../session/side-channel-protocol.js';
import type { Engine, Member } from '../strategy.js';
import type { Replies } from './replies.js';

/**
 * The protocol between `queue` and its worker processes.
 *
 * Documents are written into one file that all processes of a session have open and that has no name. It is
 * divided into regions. Each worker has as many regions as it may hold batches, and each region belongs to
 * one of the parent's loops. Only the parent writes into a region and only that worker reads it. The parent
 * writes a region again when the batch in it has been answered, or when the process that might have read it
 * has ended. Its bytes do not change until then, so that no lock is needed.
 *
 * The parent sends requests with numbers; the child begins them in the order they came and gives each one
 * answer, with its number:
 *
 *     batch   where the documents are, or their bytes   ->  replies to all of them, in the same order
 *     piece   a part of a document larger than a region ->  piece: the region may be written again
 *     report                                            ->  report
 *     close                                             ->  none: the child disconnects and ends
 *
 * Without being asked, the child sends `ready` or `failed` once. It also sends `began` before the task of a
 * batch that is `watched`: a batch of one document, whose time is limited or which may have ended another
 * child. If a child ends without having sent `began`, the document is not the cause.
 * It sends `near-limit` once, at any time, when its heap is near its limit. A child with threads sends
 * `abandoned` when they are not replaced any more: it gets no batch then until the next run.
 *
 * Large parts of results travel through a file of the child's own, which it offers in a message once
 * (`processes/result-file.ts`).
 *
 * A child that an error is about to end, which no code catches, sends it as its `last words`.
 *
 * A document that may be cancelled is alone in its batch, and its batch is sent when the child has answered
 * all others. Therefore a cancelled document is still with the parent, which drops it, or its task runs: then
 * the parent kills the child if there is no answer after `cancelGrace.ms` (`session/cancelling.ts`). Batches
 * that wait behind it were not sent, or have not begun; they are sent again.
 *
 * Several documents at the same time (`per-worker`): while fewer than that many tasks of the child wait, it
 * begins the next document, of the same batch or of the next one. It answers a batch when all its documents
 * have ended, so answers come in any order. All batches are then `watched`. When the child ends, batches that
 * it had not begun are sent again as they are. Documents of the others run again `alone`: such a batch is
 * sent when the child has answered everything else, and nothing else is sent until it is answered. A document
 * has timed out only if it was alone. At most `per-worker` batches that may be cancelled are sent at a time.
 *
 * Messages of the kind `channel` belong to the side channel (`session/side-channel-protocol.ts`), in both
 * directions and in no order with the others.
 *
 * No wait lasts forever. A wait for `ready`, for an answer or for the end after `close` ends with the message
 * or with the end of the child. A child has ended when it has exited and its channel is read to the end, so
 * that its last messages count. A child whose channel is cut is killed. When the parent ends, its children
 * exit because the channel closes, and the session's reaper kills a child that is too busy to notice.
 */
export type ToChild =
  | BatchMessage
  | PieceMessage
  | { readonly kind: 'report' }
  /** The child has no answer to this. */
  | { readonly kind: 'per-worker'; readonly perWorker: number }
  /** A run begins. Only a child with threads of its own gets this, and has no answer to it. */
  | { readonly kind: 'run' }
  | { readonly kind: 'close' }
  | ChannelEnvelope<ToTask>;

/** Carries one batch to the child. */
export interface BatchMessage {
  readonly kind: 'batch';
  readonly ids: readonly string[];
  readonly indexes: readonly number[];
  readonly lengths: readonly number[];
  /**
   * The position in the shared file where the first document begins and the others follow, the bytes
   * themselves, or `pieces`: the only document has come in pieces before.
   */
  readonly documents: number | readonly Uint8Array[] | 'pieces';
  /** How the child reads each document from its bytes; absent when all have their content. */
  readonly by?: readonly CarriedDocument['by'][];
  readonly watched: boolean;
  /** True when no other batch may be served beside it; else absent. */
  readonly alone?: true;
}

/** The parent numbers its requests, and the child's answers have the same number. */
export type Numbered<Message> = Message & { readonly request: number };

/** Carries a part of a large document, so that neither side needs a second copy of the whole. */
export interface PieceMessage {
  readonly kind: 'piece';
  /** The document has this many bytes. */
  readonly size: number;
  /** The piece begins at this byte of the document. */
  readonly at: number;
  readonly length: number;
  /** The position in the shared file, or the bytes themselves. */
  readonly bytes: number | Uint8Array;
}

export type FromChild = FromEveryChild | Numbered<Answer>;

export type Answer =
  | ({ readonly kind: 'replies' } & Replies)
  | { readonly kind: 'piece' }
  | { readonly kind: 'report'; readonly member: Member; readonly engines: readonly Engine[] };

/** The child gets this as its only argument, as JSON. */
export interface Start {
  readonly workload: WorkloadRef;
  /** The session has this many children. */
  readonly workers: number;
  /** The child runs this many documents at the same time. */
  readonly perWorker: number;
  /** The child's descriptor of the shared file; `null` where all documents travel in messages. */
  readonly fd: number | null;
  readonly services: TaskServices;
  /** Time limit of a document, ms; absent: there is none. */
  readonly timeoutMs?: number | undefined;
  /** The heap of the process may grow to this size, MB. */
  readonly heapMb: number;
}
