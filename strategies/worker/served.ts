import { clearInterval, setInterval } from 'node:timers';
import { type LimitClient, pause } from '../../services/limit-client.js';
import type { TakenSlot } from '../../services/limits.js';
import { backoffMs, isRetryable, type RetryRule } from '../../services/retry.js';
import type { LocalReply } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { TaskError } from '../strategy.js';
import type { Begun } from './cached.js';
import { now } from './clock.js';

/** Documents of a task may wait for its service. */
export interface WaitingTask<Document> {
  /** The worker's end of the limits, which has read what the caller has said. */
  readonly limits: () => LimitClient;
  /** Returns the signal of a document while it waits here, and what ends that. */
  readonly waiting: (document: Document) => Waiting;
}

/** Runs documents of a task that calls a limited or unreliable service. */
export interface ServedTask extends WaitingTask<CarriedDocument> {
  /** Runs the document once. @param own the document's slot, which its first request takes */
  readonly runOnce: (
    document: CarriedDocument,
    own: TakenSlot | null,
    begun: Begun | null,
  ) => LocalReply | Promise<LocalReply>;
  readonly hasLimits: boolean;
  /** Null where a document is tried once. */
  readonly retry: RetryRule | null;
  readonly failed: (cause: unknown) => LocalReply;
}

/** The signal of a document while it waits, and what ends that. */
export interface Waiting {
  readonly signal: AbortSignal;
  readonly end: () => void;
}

/** Waits for something before or between the runs of a document, which its time limit does not count. */
export async function waitFor<T>(
  until: (signal: AbortSignal) => Promise<T>,
  { signal, end }: Waiting,
  touch: () => void,
): Promise<T> {
  const touching = setInterval(touch, touchMs);
  try {
    return await until(signal);
  } finally {
    clearInterval(touching);
    end();
  }
}

/**
 * Runs a document until it is ok, must not be tried again, or has no try left. Before each try it waits for a
 * slot, unless the task does so itself. `touch` is called when a try begins, and while the document waits, so
 * that its time limit counts for each try.
 */
export async function runServed(
  task: ServedTask,
  { document, begun }: { readonly document: CarriedDocument; readonly begun: Begun | null },
  touch: () => void,
): Promise<LocalReply> {
  const { runOnce, hasLimits, retry, failed } = task;
  const client = task.limits();
  const waits = new ServiceWaits(task, document, touch);
  // A task may change its bytes, and the next try begins with what the first one had.
  const bytes = retry === null || document.by !== undefined ? null : document.bytes.slice();
  if (retry !== null) client.begin();
  for (let tries = 1, startedMs = now(); ; tries++) {
    let reply: LocalReply;
    try {
      const takesSlot = hasLimits && !client.tasksAcquire;
      const own = takesSlot
        ? (client.acquireNow(0) ?? (await waits.until((signal) => client.acquire(0, signal))))
        : null;
      touch();
      if (tries === 1) startedMs = now();
      const given = tries === 1 || bytes === null ? document : { ...document, bytes: bytes.slice() };
      reply = await runOnce(given, own, begun);
    } catch (cause) {
      return failed(cause);
    }
    if (reply.status !== 'ok' && retry !== null && (await waits.beforeTry(reply.error, tries, retry)))
      continue;
    const served = { tries, waitedMs: waits.waitedMs + (reply.served?.waitedMs ?? 0) };
    const isPlain = tries === 1 && served.waitedMs === 0;
    return { ...reply, startedMs, taskMs: now() - startedMs, ...(!isPlain && { served }) };
  }
}

/** Lets a document wait in its worker, while its task does not run. */
export class ServiceWaits<Document = CarriedDocument> {
  /** It has waited this long, ms. */
  waitedMs = 0;
  readonly #task: WaitingTask<Document>;
  readonly #document: Document;
  readonly #touch: () => void;

  constructor(task: WaitingTask<Document>, document: Document, touch: () => void) {
    this.#task = task;
    this.#document = document;
    this.#touch = touch;
  }

  /** @throws what `wait` throws, which is the signal's reason when the document is not wanted any more */
  async until<Value>(wait: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    const startedMs = now();
    try {
      return await waitFor(wait, this.#task.waiting(this.#document), this.#touch);
    } finally {
      this.waitedMs += now() - startedMs;
    }
  }

  /** Waits until the document may be tried again; returns false when it may not. */
  async beforeTry(error: TaskError, tries: number, rule: RetryRule): Promise<boolean> {
    if (tries >= rule.attempts || !isRetryable(error, rule)) return false;
    try {
      if (!(await this.until((signal) => this.#task.limits().mayRetry(signal)))) return false;
      const ms = backoffMs(error, tries, rule, Math.random());
      await this.until((signal) => pause(ms, signal));
      return true;
    } catch {
      return false; // the document is not wanted any more
    }
  }
}

/** A document that waits says so this often, ms. */
const touchMs = 50;
