import { clearInterval, setInterval } from 'node:timers';
import { type LimitClient, pause } from '../../services/limit-client.js';
import type { TakenSlot } from '../../services/limits.js';
import { backoffMs, isRetryable, type RetryRule } from '../../services/retry.js';
import type { LocalReply } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { Begun } from './cached.js';
import { now } from './clock.js';

/** Runs documents of a task that calls a limited or unreliable service. */
export interface ServedTask {
  /** Runs the document once. @param own the document's slot, which its first request takes */
  readonly runOnce: (
    document: CarriedDocument,
    own: TakenSlot | null,
    begun: Begun | null,
  ) => LocalReply | Promise<LocalReply>;
  /** The worker's end of the limits, which has read what the caller has said. */
  readonly limits: () => LimitClient;
  readonly hasLimits: boolean;
  /** Null where a document is tried once. */
  readonly retry: RetryRule | null;
  /** Returns the signal of a document while it waits here, and what ends that. */
  readonly waiting: (document: CarriedDocument) => Waiting;
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
  { runOnce, limits, hasLimits, retry, waiting, failed }: ServedTask,
  { document, begun }: { readonly document: CarriedDocument; readonly begun: Begun | null },
  touch: () => void,
): Promise<LocalReply> {
  const client = limits();
  let waitedMs = 0;
  const wait = async <T>(until: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const startedMs = now();
    try {
      return await waitFor(until, waiting(document), touch);
    } finally {
      waitedMs += now() - startedMs;
    }
  };
  // A task may change its bytes, and the next try begins with what the first one had.
  const bytes = retry === null || document.by !== undefined ? null : document.bytes.slice();
  if (retry !== null) client.begin();
  for (let tries = 1, startedMs = now(); ; tries++) {
    let reply: LocalReply;
    try {
      const takesSlot = hasLimits && !client.tasksAcquire;
      const own = takesSlot
        ? (client.acquireNow(0) ?? (await wait((signal) => client.acquire(0, signal))))
        : null;
      touch();
      if (tries === 1) startedMs = now();
      const given = tries === 1 || bytes === null ? document : { ...document, bytes: bytes.slice() };
      reply = await runOnce(given, own, begun);
    } catch (cause) {
      return failed(cause);
    }
    const error = reply.status === 'ok' ? null : reply.error;
    const isAgain = retry !== null && error !== null && tries < retry.attempts && isRetryable(error, retry);
    if (isAgain && (await wait((signal) => client.mayRetry(signal)).catch(() => false))) {
      const ms = backoffMs(error, tries, retry, Math.random());
      try {
        await wait((signal) => pause(ms, signal));
        continue;
      } catch {
        // The document is not wanted any more.
      }
    }
    const served = { tries, waitedMs: waitedMs + (reply.served?.waitedMs ?? 0) };
    const isPlain = tries === 1 && served.waitedMs === 0;
    return { ...reply, startedMs, taskMs: now() - startedMs, ...(!isPlain && { served }) };
  }
}

/** A document that waits says so this often, ms. */
const touchMs = 50;
