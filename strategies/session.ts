import type { Document } from '../workloads/workload.js';
import type { Documents, Session } from './strategy.js';

/** What every strategy's session keeps to, whatever works beneath it: one run at a time, and an orderly early close. */
export function guarded(session: Session): Session {
  let running: Promise<void> | null = null;
  let closed: Promise<void> | null = null;
  const stop = new AbortController();
  const refuse = (): string | null => {
    if (closed !== null) return 'expected an open session, and this one is closed: open another';
    if (running !== null) return 'expected one run at a time, and another is under way: await it, or open another session';
    return null;
  };
  return {
    ...session,
    async run(documents, emit) {
      const refusal = refuse();
      if (refusal !== null) throw new Error(refusal);
      running = session.run(until(stop.signal, documents), emit);
      try {
        await running;
      } finally {
        running = null;
      }
    },
    close() {
      closed ??= (async () => {
        stop.abort();
        await running?.catch(() => {}); // told to whoever awaits the run
        await session.close();
      })();
      return closed;
    },
  };
}

/** The same documents, ending early when the signal aborts: also in the middle of waiting for the next one. */
function until(signal: AbortSignal, documents: Documents): Documents {
  if (!(Symbol.asyncIterator in documents)) return { [Symbol.iterator]: () => untilAbortedNow(signal, documents[Symbol.iterator]()) };
  return { [Symbol.asyncIterator]: () => untilAborted(signal, documents[Symbol.asyncIterator]()) };
}

/** Asks before it takes: a document that was taken and not passed on would be lost. */
function untilAbortedNow(signal: AbortSignal, source: Iterator<Document>): Iterator<Document> {
  return {
    next: () => (signal.aborted ? (source.return?.() ?? { done: true, value: undefined }) : source.next()),
    return: () => source.return?.() ?? { done: true, value: undefined },
  };
}

function untilAborted(signal: AbortSignal, source: AsyncIterator<Document>): AsyncIterator<Document> {
  const end: IteratorResult<Document> = { done: true, value: undefined };
  const stop = () => {
    // A source that is waiting takes note when it next has something: nobody waits for that.
    source.return?.()?.then(undefined, () => {});
    setImmediate(() => giveUp()); // what it has given by now is on its way
  };
  // Kept by hand: a race of promises would hang one more reaction on the signal's for every document.
  let giveUp = () => {};
  signal.addEventListener('abort', stop, { once: true });
  return {
    next() {
      if (signal.aborted) return Promise.resolve(end);
      return new Promise((resolve, reject) => {
        giveUp = () => resolve(end);
        source.next().then(resolve, reject);
      });
    },
    async return() {
      signal.removeEventListener('abort', stop);
      await source.return?.();
      return end;
    },
  };
}
