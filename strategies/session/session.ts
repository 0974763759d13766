import type { Document } from '../../workloads/workload.js';
import type { Documents, Emit, Outcome, Session, TaskError, Unguarded } from '../strategy.js';
import { mostAttempts } from './outcome.js';
import { ready, type Source } from './source.js';

/**
 * What every strategy's session keeps to, whatever works beneath it: one run at a time, an orderly early close, and a
 * quarantine: a document that has crashed is never run again, for it would end a worker each time.
 */
export function guarded(session: Unguarded): Session {
  const quarantine: Quarantine = new Map();
  let running: Promise<void> | null = null;
  let closed: Promise<void> | null = null;
  const stop = new AbortController();
  const refuse = (): string | null => {
    if (closed !== null) return 'expected an open session, and this one is closed: open another';
    if (running !== null)
      return 'expected one run at a time, and another is under way: await it, or open another session';
    return null;
  };
  return {
    ...(session.transport !== undefined && { transport: session.transport }),
    members: () => session.members(),
    async run(documents, emit, { signal } = {}) {
      const refusal = refuse();
      if (refusal !== null) throw new Error(refusal);
      signal?.throwIfAborted();
      const ends = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
      running = quarantined(quarantine, until(ends, documents), emit, session);
      try {
        await running;
        signal?.throwIfAborted();
      } finally {
        running = null;
      }
    },
    close({ now = false } = {}) {
      if (now) session.kill?.();
      closed ??= (async () => {
        stop.abort();
        await running?.catch(() => {}); // told to whoever awaits the run
        await session.close();
      })();
      return closed;
    },
  };
}

/** How the documents have ended that are not run again, by id. */
type Quarantine = Map<string, TaskError>;

/** Runs what is not in quarantine, and tells the rest of its crash between the others' outcomes, at the latest behind them. */
async function quarantined(
  quarantine: Quarantine,
  documents: Documents,
  emit: Emit,
  session: Unguarded,
): Promise<void> {
  const refused: Document[] = [];
  const tell = async () => {
    for (let next = refused.shift(); next !== undefined; next = refused.shift())
      await emit(refusal(next, quarantine.get(next.id) as TaskError));
  };
  const passes = (document: Document) => {
    if (!quarantine.has(document.id)) return true;
    refused.push(document);
    return false;
  };
  await session.run(quarantine.size === 0 ? documents : filtered(documents, passes), (outcome) => {
    if (outcome.status === 'crashed' && (outcome.error.attempts ?? 0) >= mostAttempts)
      quarantine.set(outcome.id, outcome.error);
    const slow = emit(outcome);
    return refused.length === 0 ? slow : Promise.resolve(slow).then(tell);
  });
  await tell();
}

/** As it ended before, and said to be that. */
export function refusal({ index, id }: Pick<Document, 'index' | 'id'>, error: TaskError): Outcome {
  const message = `${error.message}; it has ended ${error.attempts} workers of this session and is not run again`;
  return {
    index,
    id,
    worker: null,
    queuedMs: null,
    taskMs: null,
    status: 'crashed',
    error: { ...error, message },
  };
}

function filtered(documents: Documents, passes: (document: Document) => boolean): Documents {
  if (!(Symbol.asyncIterator in documents)) {
    return {
      [Symbol.iterator]() {
        const source = documents[Symbol.iterator]();
        return {
          next() {
            for (;;) {
              const next = source.next();
              if (next.done || passes(next.value)) return next;
            }
          },
          return: () => source.return?.() ?? { done: true, value: undefined },
        };
      },
    };
  }
  return {
    [Symbol.asyncIterator](): Source {
      const source: Source = documents[Symbol.asyncIterator]();
      const atOnce = source[ready]?.bind(source);
      return {
        async next() {
          for (;;) {
            const next = await source.next();
            if (next.done || passes(next.value)) return next;
          }
        },
        ...(atOnce !== undefined && {
          [ready]() {
            for (;;) {
              const next = atOnce();
              if (next === null || next.done || passes(next.value)) return next;
            }
          },
        }),
        async return() {
          await source.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** The same documents, ending early when the signal aborts: also in the middle of waiting for the next one. */
function until(signal: AbortSignal, documents: Documents): Documents {
  if (!(Symbol.asyncIterator in documents))
    return { [Symbol.iterator]: () => untilAbortedNow(signal, documents[Symbol.iterator]()) };
  return { [Symbol.asyncIterator]: () => untilAborted(signal, documents[Symbol.asyncIterator]()) };
}

/** Asks before it takes: a document that was taken and not passed on would be lost. */
function untilAbortedNow(signal: AbortSignal, source: Iterator<Document>): Iterator<Document> {
  return {
    next: () => (signal.aborted ? (source.return?.() ?? { done: true, value: undefined }) : source.next()),
    return: () => source.return?.() ?? { done: true, value: undefined },
  };
}

function untilAborted(signal: AbortSignal, source: Source): Source {
  const end: IteratorResult<Document> = { done: true, value: undefined };
  const stop = () => {
    // A source that is waiting takes note when it next has something: nobody waits for that.
    source.return?.()?.then(undefined, () => {});
    // What it has given by now is on its way.
    setImmediate(() => {
      for (const giveUp of waiting) giveUp();
    });
  };
  // Kept by hand: a race of promises would hang one more reaction on the signal's for every document. There may be several:
  // a pool asks for the next document in each of its places.
  const waiting = new Set<() => void>();
  signal.addEventListener('abort', stop, { once: true });
  const seen = (next: IteratorResult<Document>) => {
    if (next.done) signal.removeEventListener('abort', stop); // the session may have many more runs
    return next;
  };
  const atOnce = source[ready]?.bind(source);
  return {
    ...(atOnce !== undefined && {
      [ready]() {
        if (signal.aborted) return end;
        const next = atOnce();
        return next === null ? null : seen(next);
      },
    }),
    next() {
      if (signal.aborted) return Promise.resolve(end);
      return new Promise((resolve, reject) => {
        const giveUp = () => resolve(end);
        waiting.add(giveUp);
        source.next().then(
          (next) => {
            waiting.delete(giveUp);
            resolve(seen(next));
          },
          (cause: unknown) => {
            waiting.delete(giveUp);
            reject(cause);
          },
        );
      });
    },
    async return() {
      signal.removeEventListener('abort', stop);
      await source.return?.();
      return end;
    },
  };
}
