import type { AnyDocument, Documents, Emit, Outcome, Session } from '../strategy.js';
import { now as clock } from '../worker/clock.js';
import { Quarantine } from './attempts.js';
import { Cancelled, type Cancelling } from './cancelling.js';
import { withFallback } from './fallback.js';
import { refused } from './outcome.js';
import { type CarriedDocument, type CarriedDocuments, carried } from './reference.js';
import type { CallerEnd } from './side-channel.js';
import { limited } from './source.js';

/** A session as a strategy writes it; `guarded` makes a `Session` of it. */
export interface PlainSession extends Pick<Session, 'transport' | 'members' | 'stages'> {
  /** Its end of the side channel; absent where there is none. */
  readonly callerEnd?: CallerEnd;
  /** True when it was opened with delivery `reference`. Absent: documents by reference have failed. */
  readonly takesReferences?: boolean;
  /**
   * True where documents are read in the caller's process, and carries their paths as they are. Absent: paths
   * become bytes.
   */
  readonly keepsPaths?: true;
  run(documents: CarriedDocuments, emit: Emit, cancelling: Cancelling): Promise<void>;
  /**
   * A document of the current run was cancelled; `cancelling.has` is already true for it. Absent where a
   * document that has begun cannot be ended.
   */
  cancel?(index: number): void;
  /** Changes how many documents a worker runs at the same time; absent where there is no such option. */
  setPerWorker?(perWorker: number): void;
  close(): Promise<void>;
  /** How long the latest run took by the session's own clock, ms; absent where it has none. */
  runMs?(): number;
  /** Workers that were replaced near their limit of memory; absent where none is. */
  replaced?(): number;
  /**
   * Ends all workers at once: documents that are running, and all that follow, crash. Absent where there
   * are no workers.
   */
  kill?(): void;
}

/**
 * Adds what every strategy's session has in common to a plain session: one run at a time, an early end of a
 * run, an orderly close, and a quarantine of documents that would end a worker each time they run.
 */
export function guarded(session: PlainSession): Session {
  const quarantine = new Quarantine();
  /** Resolves when the run that is in progress has ended, however it does. */
  let running: Promise<void> | null = null;
  let cancelled: Cancelled | null = null;
  let closed: Promise<void> | null = null;
  const stop = new AbortController();
  const refusal = (): string | null => {
    if (closed !== null) return 'expected an open session, but this one is closed: open another';
    if (running !== null)
      return 'expected one run at a time, but another one is in progress: await it, or open another session';
    return null;
  };
  return {
    ...(session.transport !== undefined && { transport: session.transport }),
    members: () => session.members(),
    ...(session.stages && { stages: session.stages.bind(session) }),
    ...(session.setPerWorker && {
      setPerWorker: (perWorker: number) => session.setPerWorker?.(checkedPerWorker(perWorker)),
    }),
    get replaced() {
      return session.replaced?.() ?? 0;
    },
    get refusals() {
      return session.callerEnd?.refusals;
    },
    get runMs() {
      return session.runMs?.();
    },
    broadcast(message) {
      if (session.callerEnd === undefined)
        throw new Error('expected a strategy with a side channel, and this one has none');
      session.callerEnd.broadcast(message);
    },
    cancel(index) {
      if (!cancelled?.add(index)) return;
      session.cancel?.(index);
      // The signal aborts in a microtask: a caller that cancels several documents in one go has then taken
      // back the ones that wait, before a worker is free for them.
      const own = cancelled;
      queueMicrotask(() => {
        if (own.has(index)) session.callerEnd?.drop(index);
      });
    },
    async run(documents, emit, { signal, cancellable } = {}) {
      const refused = refusal();
      if (refused !== null) throw new Error(refused);
      signal?.throwIfAborted();
      const ends = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
      const cancel = () => session.callerEnd?.cancel(clock());
      signal?.addEventListener('abort', cancel, { once: true });
      const own = new Cancelled(cancellable);
      cancelled = own;
      const fallback = session.callerEnd?.fallback ?? null;
      const give: Emit = (outcome) => {
        const isCancelled = own.remove(outcome.index);
        if (isCancelled) session.callerEnd?.forget(outcome.index);
        if (isCancelled || hasLostWorker(outcome)) session.callerEnd?.freeClaims(outcome);
        if (outcome.status === 'ok' || fallback === null || isCancelled || ends.aborted) return emit(outcome);
        return emit(withFallback(outcome, fallback));
      };
      let ended = () => {};
      // It is there before the run begins: `emit` may be called, and close the session, at once.
      running = new Promise((resolve) => {
        ended = resolve;
      });
      try {
        await quarantined(session, { documents, emit: give, signal: ends, quarantine, cancelling: own });
        signal?.throwIfAborted();
      } finally {
        running = null;
        ended();
        cancelled = null;
        for (const index of own.empty()) session.callerEnd?.forget(index);
        signal?.removeEventListener('abort', cancel);
        if (signal?.aborted) session.callerEnd?.resume();
      }
    },
    close({ now = false } = {}) {
      if (now) {
        session.callerEnd?.cancel(clock());
        session.callerEnd?.close();
        session.kill?.();
      }
      closed ??= (async () => {
        stop.abort();
        await running;
        await session.close();
        session.callerEnd?.close();
      })();
      return closed;
    },
  };
}

/** @throws RangeError when it is no whole number from 1 on */
export function checkedPerWorker(perWorker: number): number {
  if (Number.isInteger(perWorker) && perWorker >= 1) return perWorker;
  throw new RangeError(`expected "perWorker" to be a whole number from 1 on, got ${perWorker}`);
}

interface Run {
  readonly documents: Documents;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly quarantine: Quarantine;
  readonly cancelling: Cancelling;
}

/**
 * Runs the documents that are not in quarantine, in the form in which strategies carry them. A document in
 * quarantine has crashed as soon as it is pulled, and one that the session does not take has failed. Such an
 * outcome is emitted in a microtask, because the strategy that pulls may not expect `emit` to be called
 * within.
 */
async function quarantined(
  session: PlainSession,
  { documents, emit, signal, quarantine, cancelling }: Run,
): Promise<void> {
  const refusals: Promise<void>[] = [];
  const takesReferences = session.takesReferences === true;
  const keepsPaths = session.keepsPaths === true;
  const refuse = (outcome: Outcome): null => {
    const emitted = Promise.resolve().then(() => emit(outcome));
    emitted.catch(() => {}); // awaited when the run has ended
    refusals.push(emitted);
    return null;
  };
  const take = (document: AnyDocument): CarriedDocument | null => {
    const outcome = quarantine.refusal(document);
    if (outcome !== null) return refuse(outcome);
    try {
      return carried(document, takesReferences, keepsPaths);
    } catch (cause) {
      return refuse(refused(document, cause));
    }
  };
  const learn: Emit = (outcome) => {
    quarantine.learn(outcome);
    return emit(outcome);
  };
  await session.run(limited(documents, { signal, take }), learn, cancelling);
  await Promise.all(refusals);
}

/** True when the document's worker may have ended while it ran the document. */
function hasLostWorker({ status }: Outcome): boolean {
  return status === 'crashed' || status === 'timed-out';
}
