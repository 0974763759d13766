import type { ChildProcess } from 'node:child_process';
import { clearTimeout, setTimeout } from 'node:timers';
import type { HiddenEnds } from '../session/hidden-ends.js';
import { type CallerEnd, connectChild } from '../session/side-channel.js';
import { errorOf, taskError, WorkerEnded } from '../session/task-error.js';
import { closeGraceMs } from '../session/teardown.js';
import type { TaskError } from '../strategy.js';
import { Death } from './death.js';
import { endOf, type ForkOptions, forkChild } from './fork-child.js';
import type { FromEveryChild, Numbered } from './messages.js';
import { withLastWords } from './process-end.js';
import type { Reaper } from './reaper.js';
import { type RequestKind, Requests } from './requests.js';
import { type FiledPart, ResultFile } from './result-file.js';
import type { MemoryWatch, StopWatch } from './watch.js';

export interface StartOptions extends ForkOptions {
  readonly reaper: Reaper;
  readonly callerEnd: CallerEnd;
  readonly memory: MemoryWatch;
  /**
   * It also kills a process that is stopped before it is ready, when nothing has been asked of it. Null
   * without a time limit.
   */
  readonly stopped: StopWatch | null;
  /** Kills the child when it aborts. Absent: nothing does before the child is ready. */
  readonly signal?: AbortSignal;
  /** Gets the ends that a child with threads reports. Absent: its children have none. */
  readonly hidden?: HiddenEnds;
  /** Called when a child with threads has none any more. Absent: its children have none. */
  readonly abandoned?: (cause: Error) => void;
}

/** Children of strategies differ in this. */
export interface ChildKind<Message> extends RequestKind<Message> {
  /** The child gets this as its only argument, as JSON. */
  readonly start: object;
  /** The child answers requests with these. A task may send messages of its own, which are ignored. */
  readonly answers: readonly string[];
}

/** Values of which some parts are in the child's file. */
interface WithParts {
  readonly values: readonly unknown[];
  readonly filed?: readonly { readonly at: number; readonly parts: readonly FiledPart[] }[];
}

/**
 * One worker process, from its start to its end. It gives each request one answer, in the order of the
 * requests or with the request's number. This is the parent's side of what `protocol.ts` describes.
 */
export class Child<Message extends object, Answer extends { readonly kind: string }> {
  readonly #process: ChildProcess;
  readonly #options: StartOptions;
  readonly #answers: readonly string[];
  readonly #requests: Requests<Message, Answer>;
  readonly #resultFile: ResultFile;
  /** Resolves when the child is ready, or cannot be. */
  readonly #started: Promise<void>;
  #resolveStarted: () => void = () => {};
  /** The child has loaded its workload. */
  #isReady = false;
  /** The child could not load its workload. */
  #failure: Error | null = null;
  #death: WorkerEnded | null = null;
  /** The error that may be about to end the process. */
  #lastWords: TaskError | null = null;
  #leaving = false;
  #isNearLimit = false;
  #retiring = false;
  #users = 0;
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
    await child.#started;
    if (!child.#isReady) await child.ended;
    if (child.#failure !== null) throw child.#failure;
    if (child.#death !== null) {
      const { message, end, reason } = child.#death;
      throw new WorkerEnded(`${message} before it was ready`, end, reason);
    }
    return child;
  }

  private constructor(options: StartOptions, kind: ChildKind<Message>) {
    this.#options = options;
    this.#answers = kind.answers;
    const child = forkChild(kind.start, options);
    const { pid } = child;
    this.#process = child;
    this.#requests = new Requests(child, kind);
    this.#resultFile = new ResultFile(pid as number);
    this.#started = new Promise((resolve) => {
      this.#resolveStarted = resolve;
    });
    if (pid !== undefined) {
      options.reaper.add(pid);
      options.memory.add(pid, this.kill);
      options.stopped?.add(pid, this.kill);
    }
    options.signal?.addEventListener('abort', this.kill);
    connectChild(options.callerEnd, child);
    child.on('message', (message: FromEveryChild | (Answer & Numbered) | null) => {
      if (message !== null) this.#heard(message);
    });
    this.ended = endOf(child, () => this.#leaving).then((end) => this.#onEnd(end));
  }

  #heard(message: FromEveryChild | (Answer & Numbered)): void {
    if (message.kind === 'channel') return; // `connectChild` hears it
    if (this.#isAnswer(message)) {
      this.#lastWords = null; // it has survived them
      this.#requests.answered(message);
      return;
    }
    const { pid } = this.#process;
    if (message.kind === 'ready') {
      if (pid !== undefined) this.#options.memory.loaded(pid, () => this.#nearLimit());
      this.#isReady = true;
      this.#resolveStarted();
    } else if (message.kind === 'failed') {
      this.#leaving = true;
      this.#failure = errorOf(message.error);
      this.#resolveStarted();
    } else if (message.kind === 'began') this.#requests.began(message);
    else if (message.kind === 'touched') this.#requests.touched(message);
    else if (message.kind === 'near-limit') this.#nearLimit();
    else if (message.kind === 'hidden end') this.#options.hidden?.report(errorOf(message.error));
    else if (message.kind === 'abandoned') this.#options.abandoned?.(errorOf(message.error));
    else if (message.kind === 'result file') this.#resultFile.offered(message);
    else if (message.kind === 'last words') this.#lastWords = message.error;
  }

  #isAnswer(message: FromEveryChild | Answer): message is Answer {
    return this.#answers.includes(message.kind);
  }

  #onEnd(end: WorkerEnded): void {
    const { memory, reaper, stopped, signal } = this.#options;
    const { pid } = this.#process;
    const death = withLastWords(pid === undefined ? end : memory.explain(pid, end), this.#lastWords);
    if (pid !== undefined) {
      reaper.remove(pid);
      memory.remove(pid);
      stopped?.remove(pid);
    }
    signal?.removeEventListener('abort', this.kill);
    this.#death = death;
    this.#resultFile.close();
    if (this.#requests.areAnswered && !this.#leaving && !this.#requests.isCancelled) this.idleEnd = death;
    this.#resolveStarted();
    this.#requests.end(death);
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /**
   * @param cancellable index of the batch's only document, if that may be cancelled
   * @throws Death
   */
  ask(message: Message, cancellable: number | null = null): Promise<Answer> {
    return this.#requests.ask(message, cancellable);
  }

  /** Drops the document if it was not sent; else kills the child if it does not answer in time. */
  cancel(index: number): void {
    this.#requests.cancel(index);
  }

  /** Sends a message that is no request; the child does not answer it. */
  tell(message: object): void {
    if (this.#process.connected) this.#process.send(message, ignore);
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
        { began: true },
      );
    }
    return { ...replies, values };
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

  readonly kill = (): void => {
    this.#process.kill('SIGKILL');
  };

  close(): Promise<void> {
    this.#leaving = true;
    this.tell({ kind: 'close' });
    const late = setTimeout(this.kill, closeGraceMs);
    return this.ended.finally(() => clearTimeout(late));
  }
}

const ignore = () => {};
