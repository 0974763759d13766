/**
 * The workload contract says what is done to one document. A workload is one ES module, and a user's own
 * task module has exactly the same shape. It knows nothing about scheduling, transports or measuring.
 */

/** Says what a workload mostly does while it processes a document: compute, wait, or both. */
export type Kind = 'cpu' | 'io' | 'mixed';
/** Lists all kinds in the order that tables use. */
export const kinds: readonly Kind[] = ['cpu', 'io', 'mixed'];

/**
 * Says what a task gets where documents travel in shared memory: a private copy, which it may change, keep
 * or return (the default), or the bare view, which it only reads and never keeps, because other documents
 * will use the memory later.
 */
export type Views = 'copy' | 'shared';

/**
 * Says what happens to a large typed array or buffer in a result that goes to another thread: it is copied
 * once, because the task may keep it (the default), or it is moved, because the task keeps and reuses nothing
 * of what it returns.
 */
export type Results = 'copy' | 'move';

/** One input. `size` is in bytes; `bytes` are there for the task whatever the delivery was. */
export interface Document {
  /** The document has this place in the run, from 0. */
  readonly index: number;
  /** The document has this name; equal ids mean equal content. */
  readonly id: string;
  /** The content has this size, bytes. */
  readonly size: number;
  /** The task reads the content here. */
  readonly bytes: Uint8Array;
}

/**
 * A document notes that its task reads `id` where results are kept. Code that is not the task's reads the id
 * of what has this name, if the document has it.
 */
export const unwatched: unique symbol = Symbol('unwatched');

/** A task gets a context besides its document. Each document has a context of its own. */
export interface Context<State = unknown> {
  /** `setup` returned this value in this worker; undefined without `setup`. */
  readonly state: State;
  /** The caller gave these options for the task; empty without any. */
  readonly options: Readonly<Record<string, unknown>>;
  /**
   * Names this document in this run: it is the same each time that the document runs, in every worker, and
   * on every machine. Send it to a service as its idempotency key, so that a document that runs again is not
   * booked twice. It can be sent in a header as it is. Equal ids have equal keys.
   */
  readonly key: string;
  /**
   * Aborts when this document is no longer wanted: its time is over (`timeoutMs`), it or its run is
   * cancelled, or the session closes. A task that waits hears of it at once, a task that computes when it
   * next awaits. A task that ends because of it keeps its worker, which otherwise is ended: pass the signal
   * on, to `fetch` for example.
   */
  readonly signal: AbortSignal;
  /** The limits of the service that the task calls; see `OpenOptions.limits`. */
  readonly limit: ContextLimit;
  /**
   * Asks the program that opened the session, and resolves with its answer. Request and answer are cloned.
   * @throws the error of the caller's `onRequest`; DataCloneError when the request cannot be cloned; Error
   * when the session closes before the answer, when the caller answers no requests, and when the strategy
   * has no side channel.
   */
  ask(request: unknown): Promise<unknown>;
  /**
   * Calls `listener` with each broadcast of the caller, from now until this document ends. The latest
   * earlier broadcast comes first, if there was one: a broadcast says how things are from now on, and is
   * not lost between documents.
   * @returns a function that removes the listener earlier
   */
  onBroadcast(listener: (message: unknown) => void): () => void;
}

/**
 * A task that calls a limited service waits here before each request. All workers share the limits. Without
 * limits nothing waits, except after the service has refused a request.
 */
export interface ContextLimit {
  /**
   * Resolves when a request may be sent, which the task then does at once.
   * @param cost.tokens tokens that the request and its answer will have, as well as the task knows
   * @throws RangeError for more tokens than the limit has; the reason of `context.signal` when that aborts
   */
  acquire(cost?: { readonly tokens?: number }): Promise<void>;
  /**
   * Says how the service has answered. After a refusal (429, 503 or 529, another error with `Retry-After`, or
   * 403 where nothing is left of a limit) all workers wait as long as its headers ask. Headers that say what
   * is left of a limit are heeded.
   * @param usage.tokens tokens that the request really had
   */
  report(response: ServiceResponse, usage?: { readonly tokens?: number | null }): void;
}

/** An answer of a service: a `Response` of `fetch`, or what another client gives, such as `node:http`. */
export interface ServiceResponse {
  readonly status?: number | undefined;
  /** Some clients have the status under this name. */
  readonly statusCode?: number | undefined;
  readonly headers?:
    | {
        /** Returns the value of the header with this name; null when there is none. */
        get(name: string): string | null;
      }
    | Readonly<Record<string, string | readonly string[] | number | undefined>>;
}

/** The limit of a task that runs without a session, or whose session has no limits. */
const unlimited: ContextLimit = { acquire: () => Promise.resolve(), report() {} };

/**
 * Makes the context of a task that is called without a session: its requests are rejected, no broadcast
 * arrives, and its key is a new one each time that it is read.
 */
export function contextWithoutSession<State>(
  given: Pick<Context<State>, 'state' | 'options' | 'signal'>,
): Context<State> {
  return {
    ...given,
    get key() {
      return crypto.randomUUID();
    },
    limit: unlimited,
    ask: () => Promise.reject(new Error('expected a session to ask, and this task runs without one')),
    onBroadcast: () => () => {},
  };
}

/** A workload module has these exports. */
export interface Workload<Result = unknown, State = unknown> {
  /** The task itself. It runs once per document, and its result becomes the outcome's value. */
  default(document: Document, context: Context<State>): Result | Promise<Result>;
  /** Without it the kind is measured. */
  readonly kind?: Kind;
  /** This runs once per worker, before the first document. It counts as start-up, never as throughput. */
  setup?(options: Readonly<Record<string, unknown>>): State | Promise<State>;
  /** This runs once per worker, after the last document. */
  teardown?(state: State): void | Promise<void>;
  /** Returns what must be equal across strategies; without it the whole result must be equal. */
  digest?(result: Result): string;
  /** Without it every document is a private copy. */
  readonly views?: Views;
  /** Without it large parts of results are copied on their way to another thread. */
  readonly results?: Results;
  /**
   * Returns the bytes of a document that the caller gave by a reference. It runs in the worker before the
   * task and counts as the document's time. The task gets bytes that are a whole `ArrayBuffer` as they are,
   * and a copy of others. Documents by path need no such function.
   * @param reference what the caller gave, as JSON copies it
   */
  resolve?(reference: unknown, context: Context<State>): Uint8Array | Promise<Uint8Array>;
  /**
   * Names variables of the environment that decide the task's results. Where results are cached, one that was
   * kept under other values is not used.
   */
  readonly cacheEnv?: readonly string[];
  /**
   * A text that changes when the task's results do, for reasons that are neither in its code nor in its
   * options, such as the version of a model; or a function that returns it. It is called once per worker.
   */
  readonly cacheKey?: string | ((options: Readonly<Record<string, unknown>>) => string | Promise<string>);
}

/**
 * How a worker finds its workload: by URL, never by closure or function text. Crosses threads and
 * processes.
 */
export interface WorkloadRef {
  /** Names the workload in tables and messages. */
  readonly name: string;
  /** Workers import its module from this URL. */
  readonly url: string;
  /** The task gets these as `context.options`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The module is not a workload; the message says which export is wrong and what to write. */
export class WorkloadError extends Error {
  override readonly name = 'WorkloadError';
}
