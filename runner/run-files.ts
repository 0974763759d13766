import { setImmediate } from 'node:timers';
import { type FileRead, FileReader } from '../strategies/session/file-reader.js';
import { type Mutable, refused } from '../strategies/session/outcome.js';
import { ready, type Source, SourceReader } from '../strategies/session/source.js';
import { Turns } from '../strategies/session/turns.js';
import type { AnyDocument, Outcome } from '../strategies/strategy.js';
import type { OpenSession } from './create-runner.js';

/** A job has files like this one. */
export interface NamedFile {
  readonly id: string;
  readonly path: string | Buffer;
}

export interface RunFilesOptions {
  /** Ends the job at once when it aborts: outcomes of documents in progress are discarded. */
  readonly signal: AbortSignal;
  /** Gets each outcome; its `index` is the file's place in the source. What it throws ends the job. */
  readonly onOutcome: (outcome: Outcome) => void;
}

/**
 * Runs the files of one source over a session that has no other caller. `Runner.process` does it for any
 * number of callers and sources, which costs as much per document as a small file. Here the session alone
 * limits how many documents it pulls, and no outcome waits until it is taken.
 *
 * A session replaces the workers that it has given up only when a run begins. So the run ends when a document
 * crashes because there is no worker, and another run goes on with the source.
 * @throws what the source or `onOutcome` throws; the signal's reason
 */
export async function runFiles(
  { session, facts, circuit }: OpenSession,
  files: Iterable<NamedFile> | AsyncIterable<NamedFile>,
  { signal, onOutcome }: RunFilesOptions,
): Promise<void> {
  const { workers, delivery, see, adaptive, cacheUse } = facts;
  // Workers read the files themselves only with this delivery.
  const reader = delivery === 'reference' ? null : new FileReader(files, { workers });
  let hasAborted = false;
  let done = 0;
  const give = (outcome: Outcome) => {
    if (hasAborted) return;
    cacheUse?.see(outcome);
    if (outcome.taskMs !== null) {
      see(outcome.size ?? 0);
      adaptive?.ended(outcome, outcome.size ?? 0, source.given - done);
    }
    done++;
    onOutcome(outcome);
  };
  const source = new FileSource(reader ?? files, give);
  const emit = (outcome: Outcome) => {
    if (outcome.status === 'crashed' && outcome.error.attempts === undefined) source.endRun();
    if (reader !== null) source.settle(reader, outcome);
    give(outcome);
  };
  const runs = async () => {
    do await session.run(source.begin(), emit);
    while (!source.hasEnded && !hasAborted && circuit?.hasEnded !== true);
  };
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      hasAborted = true;
      source.endRun();
      reject(signal.reason);
    };
  });
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await Promise.race([runs(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

type Given = NamedFile | FileRead<NamedFile>;

/** Gives one run after the other its documents. */
class FileSource implements Source<AnyDocument> {
  readonly #given: SourceReader<Given>;
  readonly #unread: (outcome: Outcome) => void;
  readonly #turns = new Turns();
  /** Says what was read here for each document in progress, by index. */
  readonly #read = new Map<number, { readonly bytes: number; readonly mtimeMs: number }>();
  #nextIndex = 0;
  #endsRun = false;
  #hasEnded = false;

  /** @param unread gets the outcome of a document whose file could not be read here */
  constructor(given: Iterable<Given> | AsyncIterable<Given>, unread: (outcome: Outcome) => void) {
    this.#given = new SourceReader(given);
    this.#unread = unread;
  }

  /** Documents that the session was given, and those whose files could not be read. */
  get given(): number {
    return this.#nextIndex;
  }

  /** True when the last file has been given. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Begins a run, which goes on where the run before has ended. */
  begin(): AsyncIterable<AnyDocument> {
    this.#endsRun = false;
    return { [Symbol.asyncIterator]: () => this };
  }

  /** Gives no more documents in this run. */
  endRun(): void {
    this.#endsRun = true;
  }

  [ready](): IteratorResult<AnyDocument> | null {
    if (this.#turns.isOverdue()) return null;
    for (;;) {
      if (this.#endsRun) return end;
      const next = this.#given.now();
      if (next === null) return null;
      const document = this.#documentOf(next);
      if (document !== null) return document;
    }
  }

  async next(): Promise<IteratorResult<AnyDocument>> {
    if (this.#turns.isOverdue()) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#turns.took();
    }
    for (;;) {
      if (this.#endsRun) return end;
      const document = this.#documentOf(await this.#given.next());
      if (document !== null) return document;
    }
  }

  async return(): Promise<IteratorResult<AnyDocument>> {
    this.endRun();
    return end;
  }

  /** Must be called with each outcome where the files are read here, so that further ones are read. */
  settle(reader: FileReader<NamedFile>, outcome: Mutable<Outcome>): void {
    const read = this.#read.get(outcome.index);
    if (read === undefined) return;
    this.#read.delete(outcome.index);
    reader.settle(read.bytes, outcome.taskMs);
    outcome.size = read.bytes;
    outcome.mtimeMs = read.mtimeMs;
  }

  /** The document of the next file, or the end; null when the file could not be read. */
  #documentOf(next: IteratorResult<Given>): IteratorResult<AnyDocument> | null {
    if (next.done) {
      this.#hasEnded = true;
      return end;
    }
    const given = next.value;
    const index = this.#nextIndex++;
    if ('path' in given) return { done: false, value: { index, id: given.id, path: given.path } };
    const { item, bytes, state, cause } = given;
    if (cause !== null) {
      this.#unread(refused({ index, id: item.id }, cause));
      return null;
    }
    this.#read.set(index, { bytes: bytes.length, mtimeMs: state?.mtimeMs ?? 0 });
    return { done: false, value: { index, id: item.id, size: bytes.length, bytes } };
  }
}

const end: IteratorResult<never> = { done: true, value: undefined };
