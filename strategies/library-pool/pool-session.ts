import { clearTimeout, setTimeout } from 'node:timers';
import pMap from 'p-map';
import type { TaskServices } from '../../services/task-services.js';
import { boxed } from '../session/box.js';
import { type Cancelling, cancelGrace } from '../session/cancelling.js';
import { cancelled, crashed, outcome, type Reply, timedOut } from '../session/outcome.js';
import { freeReceivedBuffers } from '../session/received-buffers.js';
import type { CarriedDocument } from '../session/reference.js';
import type { SecondAttempt } from '../session/second-attempt.js';
import type { PlainSession } from '../session/session.js';
import type { CallerEnd } from '../session/side-channel.js';
import { errorOf } from '../session/task-error.js';
import { closeGraceMs } from '../session/teardown.js';
import type { Outcome } from '../strategy.js';
import { now } from '../worker/clock.js';
import { rollCall } from './roll-call.js';
import type { Answer, Request } from './worker/serve.js';

/**
 * A library's pool: the functions in which libraries differ. Its workers answer as `worker/serve.ts` does.
 */
export interface LibraryPool {
  readonly workers: number;
  readonly isolation: 'thread' | 'process';
  /** Maximum number of documents that are submitted and not finished, over all workers. */
  readonly concurrency: number;
  /**
   * Changes how many documents a worker runs at the same time. A larger number takes its full effect in the
   * next run, because a run has the `concurrency` with which it began. Absent: a worker runs one.
   */
  setPerWorker?(perWorker: number): void;
  /** Rejects when the worker that had the document died, or when the document exceeded the time limit. */
  submit(document: CarriedDocument): PromiseLike<Reply>;
  /** Submits a document that may be cancelled, alone on its worker. Absent: no document is ended. */
  submitCancellable?(document: CarriedDocument): Submission;
  /** Asks some worker; several calls at once reach different idle workers. */
  ask(request: Request): PromiseLike<Answer>;
  /** Workers that were replaced near their limit of memory. Absent: the library allows none to be. */
  readonly replaced?: Replaced;
  /**
   * Returns the document if the pool rejected it before it began, because its worker is being replaced or was
   * given up. It is submitted again. Null: the pool rejected it for another reason. Absent: always null.
   */
  returned?(cause: unknown, document: CarriedDocument): CarriedDocument | null;
  /** Ends all workers, whether they answer or not. It is called once. */
  end(): PromiseLike<unknown>;
  /**
   * Tells whether `submit` rejected because the document exceeded the time limit. Absent: there is no limit.
   */
  exceeded?(cause: unknown): boolean;
  /**
   * Returns the reply with the parts of its value that are in the worker's file. Absent: workers have no
   * files.
   * @throws Error when they cannot be read
   */
  restored?(reply: Reply): Reply;
  /** Returns the error with which a worker has ended for what the library rejects with. Absent: the same. */
  explain?(cause: unknown): unknown;
  /** Rejects when a worker cannot load its workload and the library reports that by itself. */
  readonly loadFailure?: Promise<never>;
  /** Aborts, with an Error as its reason, when the pool has lost documents and will never answer for them. */
  readonly lost?: AbortSignal;
}

/** Workers that leave a pool between two documents. */
export interface Replaced {
  readonly count: number;
  /** Resolves when all of them have ended. */
  ended(): Promise<void>;
}

/** A document that was submitted and may be cancelled. */
export interface Submission {
  /** Settles as `submit` does. */
  readonly reply: PromiseLike<Reply>;
  /** Tells whether the task has begun. */
  hasBegun(): boolean;
  /** Takes the document out of the pool's queue, or ends its worker. `reply` rejects. */
  abort(): void;
}

/** What a strategy's session shares with the pools of its second attempts. */
export interface PoolParts {
  readonly callerEnd: CallerEnd;
  readonly services: TaskServices;
  /** Runs a document again whose worker has died; null: the document has crashed. */
  readonly again: SecondAttempt | null;
}

export interface PoolSessionOptions extends Pick<PoolParts, 'again'> {
  /** The side channel; absent where the library gives no way to its workers. */
  readonly callerEnd?: CallerEnd;
  readonly timeoutMs?: number | undefined;
}

/** Number of rounds after which every worker that is still there has been asked to say goodbye. */
const goodbyeRounds = 20;

/**
 * The session over a library's pool, once every worker has loaded its workload. It pulls documents, limits
 * how many are in flight, turns replies and rejections into outcomes, asks the workers for their usage, and
 * closes the pool.
 * @throws the error why a worker could not load its workload; the pool is ended before.
 */
export async function poolSession(
  pool: LibraryPool,
  { timeoutMs, again, callerEnd }: PoolSessionOptions,
): Promise<PlainSession & { kill(): void }> {
  const { workers, isolation, loadFailure, lost } = pool;
  let killed = false;
  let ending: Promise<unknown> | null = null;
  const end = () => {
    ending ??= Promise.resolve(pool.end());
    return ending;
  };
  const explain = async (cause: unknown) => (await pool.explain?.(cause)) ?? cause;
  const report = async (): Promise<Answer[]> => {
    const answers = await rollCall(workers, async () => pool.ask('report')).catch(async (cause: unknown) => {
      throw await explain(cause);
    });
    // Failures are read when all workers have answered: some pools cannot be ended while a worker is still
    // loading.
    for (const { failure } of answers) if (failure !== null) throw errorOf(failure);
    return answers;
  };
  const submissions = new Submissions(pool);
  const outcomeOf = async (
    document: CarriedDocument,
    cancelling: Cancelling,
    pulledMs = now(),
  ): Promise<Outcome> => {
    if (cancelling.has(document.index)) return cancelled(document);
    // Some pools would start a worker for it.
    if (killed) return crashed(document, new Error('the session was ended'));
    const stopped = again?.stopped ?? null;
    if (stopped !== null) return crashed(document, stopped);
    try {
      const reply = await (cancelling.may(document.index)
        ? submissions.submit(document)
        : pool.submit(document));
      again?.progress();
      const whole = reply.filed === undefined ? reply : (pool.restored?.(reply) ?? reply);
      const found = outcome(document, pulledMs, whole);
      if (reply.hasMoved) {
        (reply as { value?: unknown }).value = undefined; // the library's promise keeps the reply
        freeReceivedBuffers();
      }
      return found;
    } catch (cause) {
      if (cancelling.has(document.index)) return cancelled(document);
      if (pool.exceeded?.(cause)) return timedOut(document, timeoutMs as number);
      const returned = pool.returned?.(cause, document) ?? null;
      if (returned !== null) return outcomeOf(returned, cancelling, pulledMs);
      const end = await explain(cause);
      return again === null ? crashed(document, end) : again.of(document, end, cancelling);
    }
  };
  try {
    await (loadFailure === undefined ? report() : Promise.race([loadFailure, report()]));
  } catch (error) {
    await end();
    throw error;
  }
  return {
    ...(callerEnd && { callerEnd }),
    async run(documents, emit, cancelling) {
      again?.reset();
      await pMap(boxed(documents), async (box) => emit(await outcomeOf(box.take(), cancelling)), {
        concurrency: pool.concurrency,
        ...(lost && { signal: lost }),
      });
    },
    cancel(index) {
      if (!submissions.cancel(index)) again?.cancel(index);
    },
    ...(pool.setPerWorker && {
      setPerWorker: (perWorker: number) => pool.setPerWorker?.(perWorker),
    }),
    replaced: () => pool.replaced?.count ?? 0,
    async members() {
      const answers = await report();
      const processes = isolation === 'process' ? answers.map(({ member }) => member) : [];
      return { processes, engines: answers.map(({ engine }) => engine) };
    },
    async close() {
      if (!killed && !lost?.aborted)
        // A worker that has ended by now has no goodbye to say, and a worker that does not answer is not
        // waited for.
        await within(
          closeGraceMs,
          Promise.all([
            rollCall(workers, async () => pool.ask('goodbye'), { maxRounds: goodbyeRounds, patienceMs: 0 }),
            pool.replaced?.ended(),
          ]),
        );
      await end();
    },
    kill() {
      killed = true;
      again?.stop();
      void end();
    },
  };
}

/** The documents that a pool has and that may be cancelled, by their index. */
class Submissions {
  readonly #pool: LibraryPool;
  readonly #submitted = new Map<number, Submission>();
  readonly #timers = new Map<number, NodeJS.Timeout>();

  constructor(pool: LibraryPool) {
    this.#pool = pool;
  }

  /** Rejects as `LibraryPool.submit` does, and when the document was cancelled. */
  async submit(document: CarriedDocument): Promise<Reply> {
    if (this.#pool.submitCancellable === undefined) return this.#pool.submit(document);
    const { index } = document;
    const submission = this.#pool.submitCancellable(document);
    this.#submitted.set(index, submission);
    try {
      return await submission.reply;
    } finally {
      this.#submitted.delete(index);
      clearTimeout(this.#timers.get(index));
      this.#timers.delete(index);
    }
  }

  /** Returns false when the pool does not have the document. */
  cancel(index: number): boolean {
    const submission = this.#submitted.get(index);
    if (submission === undefined) return false;
    if (!submission.hasBegun()) submission.abort();
    else
      this.#timers.set(
        index,
        setTimeout(() => submission.abort(), cancelGrace.ms),
      );
    return true;
  }
}

/** Resolves when the promise settles, or when the time is over. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise.catch(() => {}), late]);
  clearTimeout(timer);
}
