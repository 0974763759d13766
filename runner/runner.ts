import { now } from '../strategies/clock.js';
import type { Recommendation, RecommendedTask, ValidWhen } from '../strategies/recommendation.js';
import type { CloseOptions, Delivery, Outcome, Session } from '../strategies/strategy.js';
import type { TaskFile } from '../workloads/task-file.js';
import type { WorkloadRef } from '../workloads/workload.js';
import { Exchange } from './exchange.js';
import { findStrategy } from './open-strategy.js';
import { type InputDocuments, Stream } from './stream.js';
import { checkDocument, type InputDocument } from './ticket.js';
import { checkEnvironment, sizeCheck, type Warn } from './validity.js';

export type { InputDocuments } from './stream.js';
export type { InputDocument } from './ticket.js';

/** A `Recommendation` is one: `createRunner(recommendation)`, or `createRunner({ ...recommendation, task: './parse.ts' })`. */
export interface RunnerOptions {
  /** The task's module, with `#name` where it is not the default export, from the folder the process is in; or a recommendation's. */
  readonly task: string | URL | RecommendedTask;
  readonly strategy: string;
  readonly workers: number;
  /** Absent: the strategy's first. */
  readonly delivery?: Delivery;
  /** As in `OpenOptions`; null is as good as absent. */
  readonly timeoutMs?: number | null;
  readonly heapMb?: number | null;
  readonly memoryMb?: number | null;
  /** What the task gets as `context.options`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Where the strategy was measured; absent: nothing is compared. */
  readonly validWhen?: ValidWhen;
  /** Closes the runner when it aborts. */
  readonly signal?: AbortSignal;
  /** Takes warnings, each once; absent: `process.emitWarning`. */
  readonly onWarning?: (message: string) => void;
}

export interface ProcessOptions {
  /** Outcomes in the order of the source. One slow document then holds back those behind it, and in the end the source. */
  readonly ordered?: boolean;
  /** Ends it at once: the generator throws the signal's reason, and what is under way has no one to go to. */
  readonly signal?: AbortSignal;
}

/** A strategy at work, for any number of callers at the same time. */
export interface Runner {
  /**
   * The outcomes of a source's documents: each that is pulled has one, with its place in the source as `index`. The
   * source is pulled as the outcomes are taken, as far ahead as keeps the workers busy for a second, and no further. Breaking off ends the
   * pulling; what is under way comes to its end without being told. The source begins when the first outcome is asked for.
   * @throws what the source throws, and TypeError for what is no document, behind the outcomes of what came before;
   * RunnerClosedError likewise when the runner drains or closes before the source has ended; the signal's reason.
   */
  process(source: InputDocuments, options?: ProcessOptions): AsyncGenerator<Outcome, void, undefined>;
  /**
   * The outcome of one document, with `index` 0. Any number may be under way: who calls sees to it that they do not become
   * too many, with `stats()`.
   * @throws TypeError when it is no document; RunnerClosedError when the runner is closed.
   */
  run(document: InputDocument): Promise<Outcome>;
  stats(): RunnerStats;
  /** Takes no more documents in, pulls no source any more, gives all that was accepted its outcome, and closes. */
  drain(): Promise<void>;
  /** As a session closes: what its strategy has in hand gets its outcome first, with `now` as crashed. What waits fails. */
  close(options?: CloseOptions): Promise<void>;
  /** Closes. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Since the runner opened; times in milliseconds. */
export interface RunnerStats {
  readonly strategy: string;
  readonly workers: number;
  readonly uptimeMs: number;
  /** Documents by what became of them. */
  readonly outcomes: Readonly<Record<Outcome['status'], number>>;
  /** With the strategy: in a worker's hands or on the way to and from it. */
  readonly inFlight: number;
  /** Accepted, and not with the strategy yet. */
  readonly queued: number;
  /** Sum over all tasks that ended, by the workers' clocks: divided by uptime × workers, how busy they are. */
  readonly busyMs: number;
  /** Sum over all documents that began, from when they were accepted. */
  readonly queuedMs: number;
  /** Of all documents that have an outcome. */
  readonly bytes: number;
}

/** The runner drains or is closed, or its session has failed. */
export class RunnerClosedError extends Error {
  override readonly name = 'RunnerClosedError';
}

/**
 * Opens the very strategy that was measured, to be used by a program.
 * @throws TypeError for a task that is no path; WorkloadError when it does not load; RangeError for an unknown strategy and
 * for numbers that cannot be; the signal's reason.
 */
export async function createRunner(options: RunnerOptions | Recommendation): Promise<Runner> {
  const { task, strategy: name, timeoutMs, heapMb, memoryMb, validWhen, signal, ...rest } = options as RunnerOptions;
  signal?.throwIfAborted();
  const { workers: count, delivery: way } = rest;
  const limits = present({
    timeoutMs: limit('timeoutMs', timeoutMs),
    heapMb: limit('heapMb', heapMb),
    memoryMb: limit('memoryMb', memoryMb),
  });
  const { strategy, workers, delivery } = await findStrategy(name, present({ workers: count, delivery: way }));
  const warn: Warn = rest.onWarning ?? ((message) => process.emitWarning(message, 'ForkwiseWarning'));
  const { ref, sha256 } = await compiled(task);
  if (isRecommended(task) && task.sha256 !== sha256)
    warn(`the task "${task.file}" is not as it was when it was measured; measure again with \`forkwise pick\``);
  if (validWhen !== undefined) checkEnvironment(validWhen, warn);
  const workload: WorkloadRef = { ...ref, options: { ...ref.options, ...rest.options } };
  const session = await strategy.open(workload, { ...limits, workers, delivery });
  const see = validWhen === undefined ? () => {} : sizeCheck(validWhen, warn);
  const runner = new SessionRunner(session, { strategy: name, workers, delivery, see });
  if (signal !== undefined) closeOn(signal, runner);
  return runner;
}

/** The same without what is undefined. */
function present<Options extends object>(options: Options): { [Key in keyof Options]?: Exclude<Options[Key], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ReturnType<typeof present<Options>>;
}

function closeOn(signal: AbortSignal, runner: SessionRunner): void {
  const close = () => void runner.close();
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });
  runner.closed.then(() => signal.removeEventListener('abort', close));
}

async function compiled(task: RunnerOptions['task']): Promise<TaskFile> {
  const { compileTask } = await import('../workloads/task-file.js'); // with what compiles TypeScript
  return compileTask(isRecommended(task) ? `${task.file}#${task.export}` : task);
}

function isRecommended(task: RunnerOptions['task']): task is RecommendedTask {
  return typeof task === 'object' && task !== null && !(task instanceof URL);
}

function limit(name: string, value: number | null | undefined): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`expected ${name} to be a number above 0, or null for none, got ${value}`);
}

interface Facts {
  readonly strategy: string;
  readonly workers: number;
  readonly delivery: Delivery;
  readonly see: (bytes: number) => void;
}

/** What `createRunner` makes, over any session. */
export class SessionRunner implements Runner {
  readonly closed: Promise<void>;
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #facts: Facts;
  readonly #openedMs = now();
  #refusal: RunnerClosedError | null = null;
  #draining: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #told = () => {};

  constructor(session: Session, facts: Facts) {
    this.#session = session;
    this.#facts = facts;
    this.#exchange = new Exchange(session, facts);
    this.closed = new Promise((resolve) => {
      this.#told = resolve;
    });
  }

  process(source: InputDocuments, { ordered = false, signal }: ProcessOptions = {}): AsyncGenerator<Outcome, void, undefined> {
    if (!isIterable(source))
      throw new TypeError(`expected an iterable or async iterable of documents like { id, bytes }, got ${typeof source}`);
    const stream = new Stream(source, { ordered, room: this.#exchange.room, notify: this.#exchange.notify });
    const outcomes = this.#outcomesOf(stream, signal);
    // By itself a generator that waits would end only when it is done waiting.
    const { return: end, throw: fail } = outcomes;
    return Object.assign(outcomes, {
      return(value: undefined) {
        stream.leave();
        return end.call(outcomes, value);
      },
      throw(cause: unknown) {
        stream.leave();
        return fail.call(outcomes, cause);
      },
    });
  }

  async *#outcomesOf(stream: Stream, signal: AbortSignal | undefined): AsyncGenerator<Outcome, void, undefined> {
    const abort = () => stream.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      signal?.throwIfAborted();
      this.#refuse();
      this.#exchange.enter(stream);
      stream.begin();
      for (;;) {
        const outcome = stream.take();
        if (outcome !== null) yield outcome;
        else if (stream.over()) return;
        else await stream.change();
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      stream.leave();
      this.#exchange.leave(stream);
    }
  }

  async run(document: InputDocument): Promise<Outcome> {
    checkDocument(document);
    this.#refuse();
    return this.#exchange.run(document);
  }

  stats(): RunnerStats {
    const { ok, failed, 'timed-out': timedOut, crashed, ...sums } = this.#exchange.counters;
    const { inFlight, queued } = this.#exchange;
    const { strategy, workers } = this.#facts;
    const outcomes = { ok, failed, 'timed-out': timedOut, crashed };
    return { strategy, workers, uptimeMs: now() - this.#openedMs, outcomes, inFlight, queued, ...sums };
  }

  drain(): Promise<void> {
    this.#draining ??= (async () => {
      this.#refusal ??= new RunnerClosedError('the runner takes no more documents: it was told to drain; create another');
      await this.#exchange.drain(this.#refusal);
      await this.close();
    })();
    return this.#draining;
  }

  close(options?: CloseOptions): Promise<void> {
    this.#refusal ??= new RunnerClosedError('the runner is closed; create another');
    if (this.#closing === null) this.#closing = this.#exchange.close(this.#refusal, () => this.#session.close(options)).finally(this.#told);
    else if (options?.now) void this.#session.close(options); // it was told to wait, and is not to any longer
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refuse(): void {
    const refusal = this.#refusal ?? this.#exchange.closed?.cause;
    if (refusal !== undefined) throw refusal;
  }
}

function isIterable(value: unknown): value is InputDocuments {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}
