import type { WorkloadRef } from '../../workloads/workload.js';
import type { Engine, Member, TaskError } from '../strategy.js';
import type { Replies } from './replies.js';

/**
 * What `queue` and its worker processes say to each other.
 *
 * Documents lie in one file that all processes of a session have open and that has no name. It is cut into regions; each
 * worker has as many as it may hold batches, and each belongs to one of the parent's loops. Only the parent writes into
 * a region and only that worker reads it. A region is written again when the batch in it has been answered, or when
 * the process that might have read it has ended: until then its bytes stand still, so that no lock is needed.
 *
 * The parent sends requests; the child serves them in the order they came and gives each one answer:
 *
 *     parcel  where documents lie (or the documents themselves)   ->  replies   of all of them, in their order
 *     report                                                      ->  report
 *     close                                                       ->  none: the child disconnects and ends
 *
 * Unasked, the child says `ready` or `failed` once, and `began` before the task of a parcel that is `watched`: one
 * document, suspected of having ended another child. Without the word a child that ends is not the document's doing.
 *
 * What ends each wait: for `ready`, for an answer and for the end after `close`, the message itself or the end of the
 * child. A child has ended when it has exited and its channel is read to the end: what it said last counts. A child
 * whose channel is cut is killed. A parent that ends takes its children with it: they exit when the channel closes,
 * and one that is too busy to see that is killed by the session's reaper.
 */
export type ToChild = Parcel | { readonly kind: 'report' } | { readonly kind: 'close' };

/** A batch on its way. */
export interface Parcel {
  readonly kind: 'parcel';
  readonly ids: readonly string[];
  readonly indexes: readonly number[];
  readonly lengths: readonly number[];
  /** Where in the shared file the first document begins, the others following; or all bytes, here. */
  readonly documents: number | readonly Uint8Array[];
  readonly watched: boolean;
}

export type FromChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: TaskError }
  | { readonly kind: 'began' }
  | Answer;

export type Answer =
  | ({ readonly kind: 'replies' } & Replies)
  | { readonly kind: 'report'; readonly member: Member; readonly engine: Engine };

/** The child's only argument, as JSON. */
export interface Start {
  readonly workload: WorkloadRef;
  /** The descriptor under which the child has the shared file; `null` where all documents travel in messages. */
  readonly fd: number | null;
}
