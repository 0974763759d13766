import type { MessagePort } from 'node:worker_threads';
import type { TaskServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import type { Served } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { ChannelPort } from '../session/side-channel-protocol.js';
import type { Engine } from '../strategy.js';
import type { Shape } from './claim-table.js';
import type { Columns } from './columns.js';

/**
 * What a worker thread of the arena gets when it starts, and the messages between it and the caller. They
 * have only documents that are too large for the arena: a worker claims all others from shared memory, as
 * `claim-table.ts` describes.
 */

export interface ArenaWorkerData {
  readonly workload: WorkloadRef;
  readonly table: { readonly shape: Shape; readonly memory: SharedArrayBuffer };
  readonly arena: SharedArrayBuffer;
  /** The claim table knows this worker by this number. */
  readonly number: number;
  /** The queue that this worker claims from. */
  readonly queue: number;
  /** Outcomes are reported when they are this many, or when their documents have this many bytes. */
  readonly flush: { readonly documents: number; readonly bytes: number };
  readonly services: TaskServices;
  /** Time limit of a document, ms; absent: there is none. */
  readonly timeoutMs: number | undefined;
  /** The worker sends its outcomes to this port. */
  readonly port: MessagePort;
  /**
   * Slots that are assigned to this worker. It runs them first and reports them one by one, because
   * other workers died while they had these documents.
   */
  readonly first: readonly number[];
}

export type ToWorker =
  /** The document is null when it was cancelled: the slot is no longer the worker's. */
  | { readonly kind: 'document'; readonly slot: number; readonly document: CarriedDocument | null }
  /** The number `perWorker` of the table has risen. */
  | { readonly kind: 'more' }
  | { readonly kind: 'report' }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'ready' }
  /** The worker asks for a document that is not in the arena. */
  | { readonly kind: 'want'; readonly slot: number }
  | { readonly kind: 'report'; readonly engine: Engine }
  /** The worker ends between two documents, because its heap is near its limit. */
  | { readonly kind: 'retired' }
  | ChannelPort;

/** One message carries many outcomes, since it costs at least 20 µs. The times are in the claim table. */
export interface Outcomes {
  /** The slot of each document, as its bitwise complement when the task failed. */
  readonly slots: readonly number[];
  /** Holds, per slot, the value that the task returned or the error it threw. */
  readonly values: readonly unknown[] | Columns;
  /** The failed slots whose task ended because its time was over; absent where there are none. */
  readonly timedOut?: readonly number[];
  /** What services have to do with documents, by place in `slots`; absent where there is nothing. */
  readonly served?: readonly ({ readonly at: number } & Served)[];
  /** True where the message has moved buffers of values; else absent. */
  readonly hasMoved?: true;
}
