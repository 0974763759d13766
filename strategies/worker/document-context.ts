import { clearTimeout, setTimeout } from 'node:timers';
import type { Seen } from '../../services/cache/seen.js';
import { documentKey } from '../../services/document-key.js';
import { DocumentLimit } from '../../services/document-limit.js';
import type { LimitClient } from '../../services/limit-client.js';
import type { TakenSlot } from '../../services/limits.js';
import type { TaskServices } from '../../services/task-services.js';
import type { Context, Document } from '../../workloads/workload.js';
import { now } from './clock.js';
import type { WasRead } from './read-reference.js';
import type { TaskEnd } from './task-end.js';

/** All documents of an open task share this. */
export interface TaskEnvironment {
  readonly state: unknown;
  readonly options: Context['options'];
  readonly services: TaskServices;
  readonly timeoutMs: number | undefined;
  readonly end: TaskEnd;
  /** The worker's end of the limits. */
  readonly limits: () => LimitClient;
  /** Holds the contexts whose signal has been read, while their documents run. */
  readonly watched: Set<DocumentContext>;
}

type NamedDocument = Pick<Document, 'index' | 'id'>;

const nothing = { own: null, seen: null } as const;

/**
 * The context of one document. A task that uses neither its signal nor the side channel costs this object
 * and nothing else: the controller, its timer and its listeners are made when they are first used.
 */
export class DocumentContext implements Context {
  readonly state: unknown;
  readonly options: Context['options'];
  readonly #environment: TaskEnvironment;
  readonly #startedMs: number;
  readonly #index: number;
  readonly #id: string;
  /** Notes what the task uses, where its result may be kept. */
  readonly #seen: Seen | null;
  #controller: AbortController | null = null;
  #timer: NodeJS.Timeout | null = null;
  #unlisten: (() => void)[] | null = null;
  #timedOut = false;
  #read: WasRead | null = null;
  #limit: DocumentLimit | null = null;

  constructor(
    environment: TaskEnvironment,
    startedMs: number,
    { index, id }: NamedDocument,
    { own, seen }: { readonly own: TakenSlot | null; readonly seen: Seen | null } = nothing,
  ) {
    this.state = environment.state;
    this.options = environment.options;
    this.#environment = environment;
    this.#startedMs = startedMs;
    this.#index = index;
    this.#id = id;
    this.#seen = seen;
    if (own !== null) this.#limit = this.#limited(own);
  }

  get key(): string {
    if (this.#seen !== null) this.#seen.id = true;
    return documentKey(this.#environment.services.runId, this.#id);
  }

  get limit(): DocumentLimit {
    this.#limit ??= this.#limited(null);
    return this.#limit;
  }

  /** The task has waited this long for slots, ms. */
  get waitedMs(): number {
    return this.#limit?.waitedMs ?? 0;
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#watch();
    return this.#controller.signal;
  }

  ask(request: unknown): Promise<unknown> {
    if (this.#seen !== null) this.#seen.isUnique = true;
    return this.#environment.end.ask(request);
  }

  onBroadcast(listener: (message: unknown) => void): () => void {
    if (this.#seen !== null) this.#seen.isUnique = true;
    const unlisten = this.#environment.end.listen(listener);
    this.#unlisten ??= [];
    this.#unlisten.push(unlisten);
    return unlisten;
  }

  /** True when the signal has aborted because the document's time was over. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  get startedMs(): number {
    return this.#startedMs;
  }

  get index(): number {
    return this.#index;
  }

  /** The worker has read this for a document by reference. Null for all others, and until it is read. */
  get wasRead(): WasRead | null {
    return this.#read;
  }

  read(content: WasRead): void {
    this.#read = content;
  }

  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  /** The document has its outcome. */
  finish(): void {
    this.#limit?.finish();
    if (this.#unlisten !== null) for (const unlisten of this.#unlisten) unlisten();
    if (this.#controller === null) return;
    this.#environment.watched.delete(this);
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #limited(own: TakenSlot | null): DocumentLimit {
    return new DocumentLimit(this.#environment.limits(), { signal: () => this.signal, now, own });
  }

  #watch(): AbortController {
    const controller = new AbortController();
    const { end, timeoutMs, watched } = this.#environment;
    watched.add(this);
    end.open();
    if (end.isCancelled) controller.abort(cancelledError());
    else if (end.isDropped(this.#index)) controller.abort(droppedError());
    if (timeoutMs !== undefined) {
      const leftMs = Math.max(0, this.#startedMs + timeoutMs - now());
      this.#timer = setTimeout(() => {
        this.#timedOut = true;
        controller.abort(
          new DOMException(`the task was still running after ${timeoutMs} ms`, 'TimeoutError'),
        );
      }, leftMs);
      this.#timer.unref();
    }
    return controller;
  }
}

export function cancelledError(): Error {
  return new DOMException('the run was cancelled', 'AbortError');
}

export function droppedError(): Error {
  return new DOMException('the document was cancelled', 'AbortError');
}

export function closedError(): Error {
  return new DOMException('the session is closed', 'AbortError');
}
