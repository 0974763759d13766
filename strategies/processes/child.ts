import { type ChildProcess, fork } from 'node:child_process';
import { clearTimeout, setTimeout } from 'node:timers';
import { cancelGrace } from '../session/cancelling.js';
import type { HiddenEnds } from '../session/hidden-ends.js';
import { abortGraceMs } from '../session/outcome.js';
import { type CallerEnd, connectChild } from '../session/side-channel.js';
import type { ChannelEnvelope, FromTask } from '../session/side-channel-protocol.js';
import { errorOf, taskError, WorkerEnded } from '../session/task-error.js';
import { closeGraceMs } from '../session/teardown.js';
import type { TaskError } from '../strategy.js';
import type { LastWords } from '../worker/last-words.js';
import { allocator } from './allocator.js';
import { inheritedFlags } from './exec-argv.js';
import { killGroup, ownGroup } from './group.js';
import { isHeapFlag } from './limits.js';
import { processEnd, withLastWords } from './process-end.js';
import type { Reaper } from './reaper.js';
import { type FiledPart, type FileOffer, ResultFile } from './result-file.js';
import { taskOutput } from './task-output.js';
import type { MemoryWatch, StopWatch } from './watch.js';

/** The child ended, or could not be reached, before it answered. */
export class Death extends WorkerEnded {
  /** True when the child had announced that it began with the request. */
  readonly began: boolean;
  /** True when we killed the child, because the request took too long. */
  readonly timedOut: boolean;
  /** True when we killed the child, or dropped the request, because a document was cancelled. */
  readonly cancelled: boolean;
  /** All requests that the child has left unanswered share this. */
  readonly unanswered: Unanswered;

  constructor(
    { message, end, reason }: WorkerEnded,
    {
      began = false,
      timedOut = false,
      cancelled = false,
      unanswered,
    }: Partial<Pick<Death, Circumstance>> = {},
  ) {
    super(message, end, reason);
    this.began = began;
    this.timedOut = timedOut;
    this.cancelled = cancelled;
    this.unanswered = unanswered ?? { requests: 1, hasBegun: began, isCounted: false, isExplained: false };
  }
}

type Circumstance = 'began' | 'timedOut' | 'cancelled' | 'unanswered';

/** The requests that a child has left unanswered when it ended. */
export interface Unanswered {
  /** Number of requests whose documents have no outcomes yet. */
  requests: number;
  /** True when the child had begun with one of them. */
  readonly hasBegun: boolean;
  /** True when the end was counted as one before any document. */
  isCounted: boolean;
  /** True when an outcome shows why the child ended, or when we killed it. */
  isExplained: boolean;
}

/** Every child sends these beside its answers: see `protocol.ts` of a strategy that has children. */
export type FromEveryChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: TaskError }
  | { readonly kind: 'began'; readonly request?: number }
  /** The time limit of a request begins again: its document is tried again, or waits for a service. */
  | { readonly kind: 'touched'; readonly request?: number }
  | { readonly kind: 'near-limit' }
  /** A thread of the child has ended, and no outcome shows it. */
  | { readonly kind: 'hidden end'; readonly error: TaskError }
  | LastWords
  | FileOffer
  | ChannelEnvelope<FromTask>;

/** A request has this time limit. */
export interface RequestLimit {
  /** The child is killed this long after it began with the request, ms. */
  readonly ms: number;
  /** True where the child announces that it begins: the limit then counts from there. */
  readonly isWatched: boolean;
}

/** A child that serves several requests at the same time names the one that it answers. */
interface Numbered {
  /** Absent: the oldest one. */
  readonly request?: number;
}

export interface StartOptions {
  /** The child runs this module. */
  readonly entry: URL;
  readonly reaper: Reaper;
  readonly callerEnd: CallerEnd;
  readonly memory: MemoryWatch;
  /**
   * It also kills a process that is stopped before it is ready, when nothing has been asked of it. Null
   * without a time limit.
   */
  readonly stopped: StopWatch | null;
  /** The heap of the process may grow to this size, MB. */
  readonly heapMb: number;
  /** Kills the child when it aborts. Absent: nothing does before the child is ready. */
  readonly signal?: AbortSignal;
  /** The child gets this descriptor as its descriptor 4. Null: it gets none. */
  readonly fd: number | null;
  /** Gets the ends that a child with threads reports. Absent: its children have none. */
  readonly hidden?: HiddenEnds;
  /** True where threads of the child have limits of their own, which a flag of its process would override. */
  readonly limitsThreads?: true;
  /** Variables of the child's environment, beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Values of which some parts are in the child's file. */
interface WithParts {
  readonly values: readonly unknown[];
  readonly filed?: readonly { readonly at: number; readonly parts: readonly FiledPart[] }[];
}

/** Children of strategies differ in this. */
export interface ChildKind<Message> {
  /** The child gets this as its only argument, as JSON. */
  readonly start: object;
  /** The child answers requests with these. A task may send messages of its own, which are ignored. */
  readonly answers: readonly string[];
  /** The time limit of a request; null where it has none. It counts from when the child begins with it. */
  limitOf(message: Message): RequestLimit | null;
  /** The child serves this many requests at the same time. Absent: one. */
  atOnce?(): number;
  /** Tells whether no other request may be served beside this one. Absent: none is so. */
  isAlone?(message: Message): boolean;
  /**
   * A child that ends cancelled tasks itself has this much longer than their grace, ms, before it is killed.
   * Absent: 0.
   */
  readonly moreGraceMs?: number;
}

interface Request<Message, Answer> {
  readonly number: number;
  readonly message: Message;
  /** Index of the only document of the batch, when that may be cancelled; else null. */
  readonly cancellable: number | null;
  sent: boolean;
  /** Kills the child when the document was cancelled and its task does not end. */
  killTimer: NodeJS.Timeout | null;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: Death) => void;
  began: boolean;
  timedOut: boolean;
  /** Kills the child when the request takes too long. */
  timer: NodeJS.Timeout | null;
}

/**
 * A watched batch may take this much longer than its time limit to begin, ms: the process may be stopped, or
 * starved.
 */
const beginGraceMs = 5000;

/**
 * A channel may stay open this long after its process has exited, ms: a process that the task has started,
 * and that has left the worker's process group, may hold it, too.
 */
const channelGraceMs = 1000;

/**
 * One worker process, from its start to its end. It gives each request one answer, in the order of the
 * requests or with the request's number. This is the parent's side of what `protocol.ts` describes.
 */
export class Child<Message extends object, Answer extends { readonly kind: string }> {
  readonly #process: ChildProcess;
  readonly #resultFile: ResultFile;
  readonly #kind: ChildKind<Message>;
  readonly #waiting: Request<Message, Answer>[] = [];
  #requests = 0;
  #death: WorkerEnded | null = null;
  /** The error that may be about to end the process. */
  #lastWords: TaskError | null = null;
  #leaving = false;
  #isNearLimit = false;
  #retiring = false;
  #users = 0;
  /** It was killed because a document was cancelled. */
  #cancelled = false;
  /** It was killed because a request took too long. */
  #tookTooLong = false;
  #unanswered: Unanswered | null = null;
  /** The end of a process that had nothing to do; null while there is none, and when it was asked to end. */
  idleEnd: WorkerEnded | null = null;
  /** Resolves when the process has exited and every message it sent has been read. */
  readonly ended: Promise<void>;

  /**
   * Resolves when the child has loaded its workload; rejects with the reason why it could not, after it has
   * ended.
   */
  static async start<Message extends object, Answer extends { readonly kind: string }>(
    options: StartOptions,
    kind: ChildKind<Message>,
  ): Promise<Child<Message, Answer>> {
    const child = new Child<Message, Answer>(options, kind);
    const answer = await child.#first;
    if (answer === null) await child.ended;
    if (child.#failure !== null) throw child.#failure;
    if (child.#death !== null) {
      const { message, end, reason } = child.#death;
      throw new WorkerEnded(`${message} before it was ready`, end, reason);
    }
    return child;
  }

  readonly #first: Promise<'ready' | null>;
  #failure: Error | null = null;

  private constructor(options: StartOptions, kind: ChildKind<Message>) {
    const { entry, reaper, memory, stopped, fd, heapMb, callerEnd, env, limitsThreads, hidden, signal } =
      options;
    this.#kind = kind;
    const child = fork(entry, [JSON.stringify(kind.start)], {
      env: { ...allocator, ...process.env, ...env, ...(limitsThreads && withoutHeapFlag(process.env)) },
      execArgv: limitsThreads
        ? inheritedFlags().filter((flag) => !isHeapFlag(flag))
        : [...inheritedFlags(), `--max-old-space-size=${heapMb}`],
      serialization: 'advanced', // JSON would turn bytes into an object of numbers
      ...ownGroup,
      stdio: ['ignore', taskOutput(), 'inherit', 'ipc', ...(fd === null ? [] : [fd])],
    });
    this.#process = child;
    const { pid } = child;
    this.#resultFile = new ResultFile(pid as number);
    if (pid !== undefined) {
      reaper.add(pid);
      memory.add(pid, () => child.kill('SIGKILL'));
      stopped?.add(pid, () => child.kill('SIGKILL'));
    }
    const end = () => this.kill();
    signal?.addEventListener('abort', end);
    let resolveFirst: (word: 'ready' | null) => void = () => {};
    this.#first = new Promise((resolve) => {
      resolveFirst = resolve;
    });
    connectChild(callerEnd, child);
    child.on('message', (message: FromEveryChild | (Answer & Numbered) | null) => {
      if (message === null || message.kind === 'channel') return; // `connectChild` hears it
      if (isAnswer(message, kind)) {
        this.#lastWords = null; // it has survived them
        const [request] = this.#waiting.splice(this.#placeOf(message), 1) as [Request<Message, Answer>];
        if (request.killTimer !== null) clearTimeout(request.killTimer);
        if (request.timer !== null) clearTimeout(request.timer);
        request.resolve(message);
        this.#send();
        this.#watch();
      } else if (message.kind === 'ready') {
        if (pid !== undefined) memory.loaded(pid, () => this.#nearLimit());
        resolveFirst('ready');
      } else if (message.kind === 'near-limit') this.#nearLimit();
      else if (message.kind === 'hidden end') hidden?.report(errorOf(message.error));
      else if (message.kind === 'result file') this.#resultFile.offered(message);
      else if (message.kind === 'failed') {
        this.#leaving = true;
        this.#failure = errorOf(message.error);
        resolveFirst(null);
      } else if (message.kind === 'last words') this.#lastWords = message.error;
      else if (message.kind === 'began' || message.kind === 'touched') {
        const request = this.#waiting[this.#placeOf(message)];
        if (request === undefined) return;
        if (message.kind === 'began') request.began = true;
        if (request.timer !== null) clearTimeout(request.timer);
        request.timer = null;
        this.#watch();
      }
    });
    this.ended = endOf(child, () => this.#leaving).then((ended) => {
      const death = withLastWords(pid === undefined ? ended : memory.explain(pid, ended), this.#lastWords);
      if (pid !== undefined) {
        reaper.remove(pid);
        memory.remove(pid);
        stopped?.remove(pid);
      }
      signal?.removeEventListener('abort', end);
      this.#death = death;
      this.#resultFile.close();
      if (this.#waiting.length === 0 && !this.#leaving && !this.#cancelled) this.idleEnd = death;
      resolveFirst(null);
      const isExplained = this.#cancelled || this.#tookTooLong;
      const hasBegun = this.#waiting.some(({ began }) => began);
      const unanswered = { requests: this.#waiting.length, hasBegun, isCounted: false, isExplained };
      this.#unanswered = unanswered;
      for (const { reject, began, timedOut, killTimer, timer } of this.#waiting.splice(0)) {
        if (killTimer !== null) clearTimeout(killTimer);
        if (timer !== null) clearTimeout(timer);
        reject(new Death(death, { began, timedOut, cancelled: this.#cancelled, unanswered }));
      }
    });
  }

  /** Starts the clocks of the requests that the child may be serving now. */
  #watch(): void {
    const atOnce = Math.min(this.#atOnce, this.#waiting.length);
    for (let place = 0; place < atOnce; place++) {
      const request = this.#waiting[place] as Request<Message, Answer>;
      const limit = request.timer === null ? this.#kind.limitOf(request.message) : null;
      if (limit === null) continue;
      const startMs = limit.isWatched && !request.began ? beginGraceMs : 0;
      request.timer = setTimeout(() => this.#late(request), limit.ms + abortGraceMs + startMs);
    }
  }

  /** The time of others counts as its own when the child has begun with several requests. */
  #late(request: Request<Message, Answer>): void {
    request.timedOut = !this.#waiting.some((other) => other !== request && other.began);
    this.#tookTooLong = true;
    this.#process.kill('SIGKILL'); // SIGKILL ends a stopped process, too
  }

  get #atOnce(): number {
    return this.#kind.atOnce?.() ?? 1;
  }

  /** Returns where the request waits that the message is about. */
  #placeOf({ request }: Numbered): number {
    return request === undefined ? 0 : this.#waiting.findIndex(({ number }) => number === request);
  }

  /** Sends a message that is no request; the child does not answer it. */
  tell(message: object): void {
    if (this.#process.connected) this.#process.send(message, ignore);
  }

  #nearLimit(): void {
    this.#isNearLimit = true;
  }

  /** True when it is near a limit of its memory, and should be retired. */
  get isNearLimit(): boolean {
    return this.#isNearLimit;
  }

  /** True when it must not be asked anything any more. */
  get isRetiring(): boolean {
    return this.#retiring;
  }

  /** Ends the child when all that use it have ended. */
  retire(): void {
    this.#retiring = true;
    if (this.#users === 0) void this.close();
  }

  /** Keeps the child from being retired before `work` has ended. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await work();
    } finally {
      if (--this.#users === 0 && this.#retiring) void this.close();
    }
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /**
   * @param cancellable index of the batch's only document, if that may be cancelled
   * @throws Death
   */
  ask(message: Message, cancellable: number | null = null): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#death !== null) {
        const unanswered = this.#unanswered;
        if (unanswered !== null) unanswered.requests++;
        return reject(
          new Death(this.#death, { cancelled: this.#cancelled, ...(unanswered && { unanswered }) }),
        );
      }
      const number = ++this.#requests;
      const state = { began: false, timedOut: false, sent: false, killTimer: null, timer: null };
      this.#waiting.push({ number, message, cancellable, resolve, reject, ...state });
      if (this.#waiting.length <= this.#atOnce) this.#watch();
      this.#send();
    });
  }

  /**
   * Reads the results that the child has put in its file.
   * @throws Death when they cannot be read, and the child is killed
   */
  withResults<Replies extends WithParts>(replies: Replies): Replies {
    if (replies.filed === undefined) return replies;
    const values = [...replies.values];
    try {
      for (const { at, parts } of replies.filed) values[at] = this.#resultFile.restored(values[at], parts);
    } catch (cause) {
      this.kill();
      throw new Death(
        this.#death ?? new WorkerEnded(`its results could not be read: ${taskError(cause).message}`),
      );
    }
    return { ...replies, values };
  }

  /** Drops the document if it was not sent; else kills the child if it does not answer in time. */
  cancel(index: number): void {
    const place = this.#waiting.findIndex(({ cancellable }) => cancellable === index);
    const request = this.#waiting[place];
    if (request === undefined) return;
    if (request.sent) {
      request.killTimer = setTimeout(
        () => {
          this.#cancelled = true;
          this.kill();
        },
        cancelGrace.ms + (this.#kind.moreGraceMs ?? 0),
      );
      return;
    }
    this.#waiting.splice(place, 1);
    request.reject(new Death(new WorkerEnded('the document was cancelled'), { cancelled: true }));
    this.#send();
  }

  /** Sends the requests that may be sent, in their order. */
  #send(): void {
    const { isAlone } = this.#kind;
    const [head] = this.#waiting;
    const headIsAlone = head !== undefined && isAlone?.(head.message) === true;
    for (const [place, request] of this.#waiting.entries()) {
      if (request.sent) continue;
      const { message, number: own, cancellable } = request;
      if (place > 0 && (headIsAlone || isAlone?.(message))) return;
      if (cancellable !== null && place >= this.#atOnce) return;
      request.sent = true;
      // A cut channel ends the child, which rejects all requests.
      this.#process.send({ ...message, request: own }, ignore);
    }
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  close(): Promise<void> {
    this.#leaving = true;
    if (this.#process.connected) this.#process.send({ kind: 'close' }, ignore);
    const late = setTimeout(() => this.kill(), closeGraceMs);
    return this.ended.finally(() => clearTimeout(late));
  }
}

const ignore = () => {};

/** Returns the variable with flags for Node, without the one that limits the heap. */
function withoutHeapFlag({ NODE_OPTIONS = '' }: NodeJS.ProcessEnv): { readonly NODE_OPTIONS?: string } {
  const flags = NODE_OPTIONS.split(/\s+/);
  return flags.some(isHeapFlag) ? { NODE_OPTIONS: flags.filter((flag) => !isHeapFlag(flag)).join(' ') } : {};
}

function isAnswer<Answer extends { readonly kind: string }>(
  message: FromEveryChild | Answer,
  { answers }: ChildKind<never>,
): message is Answer {
  return answers.includes(message.kind);
}

/**
 * Resolves with how the process ended, once its channel is read to the end. A process whose channel is cut is
 * killed.
 */
function endOf(child: ChildProcess, leaving: () => boolean): Promise<WorkerEnded> {
  return new Promise((resolve) => {
    let death: WorkerEnded | null = null;
    child.on('disconnect', () => {
      if (death !== null) resolve(death);
      else if (!leaving()) child.kill('SIGKILL');
    });
    child.on('exit', (code, signal) => {
      killGroup(child.pid as number); // processes that the task has started
      death = processEnd(code, signal);
      if (!child.connected) return resolve(death);
      setTimeout(() => child.connected && child.disconnect(), channelGraceMs).unref();
    });
    child.on('error', (cause) => {
      if (child.pid === undefined)
        resolve(new WorkerEnded(`worker process could not be started: ${cause.message}`));
    });
  });
}
