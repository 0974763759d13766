import type { LimitAnswer, LimitRequest } from '../../services/limit-protocol.js';
import type { FromTask, ToTask } from '../session/side-channel-protocol.js';
import { errorOf } from '../session/task-error.js';

/** Carries messages to the caller. */
export interface TaskWire {
  /** @throws DataCloneError when the message cannot be cloned */
  send(message: FromTask): void;
  /**
   * Reads what has arrived and was not delivered yet, for threads that may have slept without their event
   * loop.
   */
  drain(): void;
  close(): void;
}

/** Connects this worker with the caller. `receive` gets each message. */
export type Connect = (receive: (message: ToTask) => void) => TaskWire;

type Listener = (message: unknown) => void;

export interface TaskEndEvents {
  /** All documents that began before this time are cancelled. */
  cancelled(atMs: number): void;
  /** The document with this index is cancelled. */
  dropped(index: number): void;
  /** The caller says something about the limits of a service. */
  limited(answer: LimitAnswer, worker: string | null): void;
}

/**
 * The worker's end of the side channel: see `session/side-channel-protocol.ts`. It connects when a task
 * first needs it.
 */
export class TaskEnd {
  readonly #connect: Connect | null;
  readonly #events: TaskEndEvents;
  #wire: TaskWire | null = null;
  #lastId = 0;
  readonly #pending = new Map<
    number,
    { readonly resolve: (answer: unknown) => void; readonly reject: (cause: Error) => void }
  >();
  readonly #listeners = new Set<Listener>();
  #latest: { readonly message: unknown } | null = null;
  #isCancelled = false;
  readonly #dropped = new Set<number>();
  #closed = false;

  /** @param connect null where the strategy has no side channel */
  constructor(connect: Connect | null, events: TaskEndEvents) {
    this.#connect = connect;
    this.#events = events;
  }

  /** True when documents that begin now are cancelled at once. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Tells whether the caller has cancelled the document with this index. */
  isDropped(index: number): boolean {
    return this.#dropped.has(index);
  }

  /** Makes sure that cancellations arrive. */
  open(): void {
    if (!this.#closed) this.#connected()?.drain();
  }

  /** @param worker the worker that asks, where several share this end */
  async ask(request: unknown, worker?: string): Promise<unknown> {
    if (this.#closed) throw closedError();
    const wire = this.#connected();
    if (wire === null) throw new Error('expected a strategy with a side channel, and this one has none');
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      try {
        wire.send({ kind: 'ask', id, request, ...(worker !== undefined && { worker }) });
      } catch (cause) {
        this.#pending.delete(id);
        reject(cause as Error);
      }
    });
  }

  /** Says something about the limits of a service; without a side channel it does nothing. */
  sendLimit(request: LimitRequest, worker?: string): void {
    if (this.#closed) return;
    this.#connected()?.send({ kind: 'limit', request, ...(worker !== undefined && { worker }) });
  }

  /** @returns removes the listener */
  listen(listener: Listener): () => void {
    this.open();
    this.#listeners.add(listener);
    const latest = this.#latest;
    if (latest !== null)
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener(latest.message);
      });
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#end();
    this.#wire?.close();
    this.#wire = null;
  }

  #connected(): TaskWire | null {
    if (this.#connect === null) return null;
    this.#wire ??= this.#connect((message) => this.#receive(message));
    return this.#wire;
  }

  #receive(message: ToTask): void {
    if (message.kind === 'answer') this.#take(message.id)?.resolve(message.answer);
    else if (message.kind === 'refusal') this.#take(message.id)?.reject(errorOf(message.error));
    else if (message.kind === 'limit') this.#events.limited(message.answer, message.worker);
    else if (message.kind === 'broadcast') {
      this.#latest = { message: message.message };
      for (const listener of [...this.#listeners]) listener(message.message);
    } else if (message.kind === 'cancel') {
      this.#isCancelled = true;
      this.#events.cancelled(message.atMs);
    } else if (message.kind === 'resume') this.#isCancelled = false;
    else if (message.kind === 'drop') {
      this.#dropped.add(message.index);
      this.#events.dropped(message.index);
    } else if (message.kind === 'forget') this.#dropped.delete(message.index);
    else this.#end();
  }

  #take(id: number) {
    const asked = this.#pending.get(id);
    this.#pending.delete(id);
    return asked;
  }

  #end(): void {
    this.#closed = true;
    for (const { reject } of this.#pending.values()) reject(closedError());
    this.#pending.clear();
    this.#listeners.clear();
  }
}

function closedError(): Error {
  return new Error('the session was closed, so no request of a task is answered any more');
}
