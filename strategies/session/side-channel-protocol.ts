import type { LimitAnswer, LimitRequest } from '../../services/limit-protocol.js';
import type { TaskError } from '../strategy.js';

/**
 * The side channel: a task and its caller exchange these messages beside documents and outcomes.
 *
 * Connecting. The first use of `context.ask`, `context.onBroadcast` or `context.signal` connects the
 * worker; a worker whose tasks use none of them never connects. A thread makes a `MessageChannel` and sends
 * one port to the caller over `parentPort`; a child process uses the channel that its parent gave it, with
 * `{ kind: 'channel', message }` around each message; the caller's own thread calls the other side
 * directly, with clones. Nothing keeps a worker alive: its port is unreferenced. Answer to connecting: the
 * latest broadcast, and the cancellations that are in force, if any.
 *
 *   message     written by   meaning, and what it wakes
 *   ask         task         a request with a number; the caller's `onRequest` is called
 *   answer      caller       settles the request with that number; the task continues at its next turn
 *   refusal     caller       rejects it: `onRequest` threw, or its answer cannot be cloned
 *   broadcast   caller       calls all listeners in the worker, which keeps the latest for later ones
 *   cancel      caller       aborts the signals of documents that began before `atMs` or begin later
 *   resume      caller       the cancelled run has ended: documents that begin now are not cancelled
 *   drop        caller       aborts the signal of one document, now or when it begins
 *   forget      caller       that document has its outcome: its index may come again in another run
 *   limit       both         slots of a limited service: see `services/limit-protocol.ts`. The caller names
 *                            the worker, or null for all, because several may share a way
 *   close       caller       rejects all pending requests, and each later one at once
 *
 * Order. The messages of one side arrive in the order they were sent. They are in no order with documents
 * and outcomes, which travel another way; for this reason `cancel` carries a time, and a `drop` that arrives
 * before its document is kept until `forget`. The caller does not know which worker has a document, so both
 * go to all connected workers.
 *
 * Delivery. A worker whose task waits receives at once. One whose task computes receives when the task
 * awaits or ends. A thread that sleeps between documents in `Atomics.wait` receives when its next task
 * registers a listener, because registering reads the port.
 *
 * When a side dies. A task that asks and loses its caller ends with its worker: threads die with the
 * process, and a child exits when its channel closes. When a worker dies, its pending requests are gone
 * with it: the caller drops their answers, and the document runs again and asks again. A request that the
 * caller receives after `close` is dropped; the worker rejected it when it read `close`, or has ended.
 */

export type FromTask =
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly request: unknown;
      /** The worker that asks, where several share a wire; absent: the worker of the wire. */
      readonly worker?: string;
    }
  | { readonly kind: 'limit'; readonly request: LimitRequest; readonly worker?: string };

export type ToTask =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: TaskError }
  | { readonly kind: 'broadcast'; readonly message: unknown }
  | { readonly kind: 'cancel'; readonly atMs: number }
  | { readonly kind: 'resume' }
  | { readonly kind: 'drop'; readonly index: number }
  | { readonly kind: 'forget'; readonly index: number }
  | { readonly kind: 'limit'; readonly worker: string | null; readonly answer: LimitAnswer }
  | { readonly kind: 'close' };

/**
 * A child process sends this when it connects (without a message) and around each message, in both
 * directions.
 */
export interface ChannelEnvelope<Message> {
  readonly kind: 'channel';
  readonly message: Message | null;
}

/** A worker thread sends this over `parentPort` when it connects. */
export interface ChannelPort {
  readonly kind: 'channel';
  readonly worker: string;
  readonly port: import('node:worker_threads').MessagePort;
}
