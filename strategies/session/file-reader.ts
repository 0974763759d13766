import { type FileState, readRegularFile, readSmallFileSync } from '../../workloads/read-file.js';
import { ready, type Source, SourceReader } from './source.js';

/** An item of the reader's source. One that has its bytes already passes through in its place. */
export type FileItem = NamedFile | { readonly bytes: Uint8Array };

interface NamedFile {
  readonly path: string | Buffer;
  readonly size?: number;
}

/** An item with the bytes of its file, or with the reason why the file cannot be read. */
export type FileRead<Item> = { readonly item: Item } & (
  | { readonly bytes: Uint8Array; readonly state: FileState | null; readonly cause: null }
  | { readonly bytes: null; readonly state: null; readonly cause: Error }
);

/** Files that may be read at the same time, and a limit that is reached only where readers wait. */
const maxReads = 64;
/** Threads that Node reads files with: fewer reads at a time would leave some without work. */
const firstReads = 4;
/** Documents that are read and have no outcome yet may have this many bytes, however many they are. */
const minBytes = 64 * 2 ** 20;
/** Each worker may have this many bytes of them. */
const bytesPerWorker = 8 * 2 ** 20;
/** Documents for this much work of all workers are ready in front of them, ms. */
const readyMs = 10;
const maxReady = 256;
/** Weight of one document in the running mean of task times. */
const weight = 1 / 16;
/** A file of at most this size is read on the caller's own thread, as long as that is fast. */
const smallBytes = 256 * 1024;
/** A read that takes longer than this has waited for a disk or a network, ms. */
const slowMs = 1;
/**
 * After a slow read, this many others do not block the thread before the next one is tried on it; twice as
 * many each time that one is slow again.
 */
const minReadsAfterSlow = 32;
const maxReadsAfterSlow = 65_536;

/**
 * Reads the files that a source names, some of them before they are asked for, and gives them in the source's
 * order. Two numbers limit how far it reads ahead:
 *
 * - Reads in progress: they grow whenever the caller waits for a file, up to 64.
 * - Documents ready: about 10 ms of work, and at least two a worker.
 *
 * The bytes of a document count from when its read begins until `settle`, wherever it is in between. At
 * 64 MiB (8 MiB a worker, if that is more) no further file is read, except that workers + 2 documents are
 * always allowed.
 *
 * A small file in the page cache is read in 10 µs on this thread, and in 60 µs through the threads of Node.
 * So small files are read on this thread, when they are asked for, until one takes longer than 1 ms. The next
 * ones then go through the threads of Node, where several of them can wait at the same time.
 */
export class FileReader<Item extends FileItem> implements Source<FileRead<Item>> {
  readonly #source: SourceReader<Item>;
  readonly #workers: number;
  readonly #maxBytes: number;
  /** Files that are being read or are read, in the source's order. */
  #queue: Slot<Item>[] = [];
  readonly #waiting: Waiting<Item>[] = [];
  #reads = 0;
  #maxReads = firstReads;
  /** Documents whose bytes count. */
  #documents = 0;
  #bytes = 0;
  #taskMs: number | null = null;
  /** A file of unknown size counts as much as the one that was read last; null before the first. */
  #usualBytes: number | null = null;
  /** Files that are read without blocking the thread before the next one is tried on it. */
  #readsAfterSlow = 0;
  #nextReadsAfterSlow = minReadsAfterSlow;
  #asking = false;
  #ended = false;
  #failure: { readonly cause: unknown } | null = null;

  constructor(source: Iterable<Item> | AsyncIterable<Item>, { workers }: { readonly workers: number }) {
    this.#source = new SourceReader(source);
    this.#workers = workers;
    this.#maxBytes = Math.max(minBytes, workers * bytesPerWorker);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Gives what `next` would, without a promise; null when it would have to wait. */
  [ready](): IteratorResult<FileRead<Item>> | null {
    if (this.#queue.length === 0) this.#begin();
    const head = this.#queue[0];
    if (head?.read != null) {
      this.#queue.shift();
      if (this.#queue.length > 0) this.#fill(); // the thread does not do all reading by itself
      return { done: false, value: head.read };
    }
    if (head !== undefined || !this.#ended) return null;
    if (this.#failure === null) return end;
    const { cause } = this.#failure;
    this.#failure = null;
    throw cause;
  }

  async next(): Promise<IteratorResult<FileRead<Item>>> {
    const now = this.#waiting.length === 0 ? this[ready]() : null;
    if (now !== null) return now;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#reads === this.#maxReads) this.#maxReads = Math.min(maxReads, this.#maxReads * 2);
      this.#fill();
    });
  }

  /** No further item comes, whatever is being read. */
  async return(): Promise<IteratorResult<FileRead<Item>>> {
    this.#source.stop();
    this.#queue = [];
    this.#end();
    return end;
  }

  /**
   * Must be called when a document that had bytes has its outcome, with their number.
   * @param taskMs the time of its task, null where that is unknown
   */
  settle(bytes: number, taskMs: number | null): void {
    this.#documents--;
    this.#bytes -= bytes;
    if (taskMs !== null)
      this.#taskMs = this.#taskMs === null ? taskMs : this.#taskMs + (taskMs - this.#taskMs) * weight;
    if (this.#queue.length > 0 || this.#waiting.length > 0) this.#fill();
  }

  /** Begins reads as far as the two numbers and the bytes allow. */
  #fill(): void {
    while (this.#queue.length - this.#reads < this.#maxReady() && this.#reads < this.#maxReads)
      if (!this.#begin()) break;
    this.#answer();
  }

  #maxReady(): number {
    const documents = this.#taskMs === null ? 0 : (this.#workers * readyMs) / this.#taskMs;
    return Math.max(2 * this.#workers, Math.min(maxReady, documents));
  }

  /** Begins the next file. @returns false when there is none now, or no room for it */
  #begin(): boolean {
    if (this.#ended || this.#asking) return false;
    const usual = this.#usualBytes ?? Number.POSITIVE_INFINITY;
    if (this.#documents >= this.#workers + 2 && this.#bytes + usual > this.#maxBytes) return false;
    try {
      const next = this.#source.now();
      if (next === null) this.#ask();
      else this.#take(next);
      return next !== null;
    } catch (cause) {
      this.#end({ cause });
      return false;
    }
  }

  /** Waits for an item of a source that has none now. */
  #ask(): void {
    this.#asking = true;
    this.#source.next().then(
      (next) => {
        this.#asking = false;
        if (!this.#ended) this.#take(next);
        this.#fill();
      },
      (cause: unknown) => {
        this.#asking = false;
        if (!this.#ended) this.#end({ cause });
      },
    );
  }

  #take(next: IteratorResult<Item>): void {
    if (next.done) {
      this.#end();
      return;
    }
    const item = next.value;
    const file: FileItem = item;
    this.#documents++;
    if ('bytes' in file) {
      this.#bytes += file.bytes.length;
      this.#queue.push({ read: { item, bytes: file.bytes, state: null, cause: null } });
      return;
    }
    if (this.#readsAfterSlow > 0) {
      this.#readsAfterSlow--;
      this.#readLater(item, file);
    } else this.#readNow(item, file);
  }

  /** Reads a small file on this thread. */
  #readNow(item: Item, { path, size = 0 }: NamedFile): void {
    if (size > smallBytes) {
      this.#readLater(item, { path, size });
      return;
    }
    const startedMs = performance.now();
    try {
      const { bytes, state } = readSmallFileSync(path, smallBytes);
      if (bytes === null) this.#readLater(item, { path, size: state.size });
      else {
        this.#bytes += bytes.length;
        this.#usualBytes = bytes.length;
        this.#queue.push({ read: { item, bytes, state, cause: null } });
      }
    } catch (cause) {
      this.#queue.push({ read: this.#unreadable(item, cause as Error, 0) });
    }
    if (performance.now() - startedMs <= slowMs) this.#nextReadsAfterSlow = minReadsAfterSlow;
    else {
      this.#readsAfterSlow = this.#nextReadsAfterSlow;
      this.#nextReadsAfterSlow = Math.min(maxReadsAfterSlow, 2 * this.#nextReadsAfterSlow);
    }
  }

  #readLater(item: Item, { path, size }: NamedFile): void {
    const slot: Slot<Item> = { read: null };
    const expected = size ?? this.#usualBytes ?? 0;
    this.#queue.push(slot);
    this.#reads++;
    this.#bytes += expected;
    readRegularFile(path)
      .then(
        ({ bytes, state }): FileRead<Item> => {
          this.#bytes += bytes.length - expected;
          this.#usualBytes = bytes.length;
          return { item, bytes, state, cause: null };
        },
        (cause: Error) => this.#unreadable(item, cause, expected),
      )
      .then((read) => {
        slot.read = read;
        this.#reads--;
        this.#fill();
      });
  }

  /** The document gets no bytes, so the caller does not call `settle` for it. */
  #unreadable(item: Item, cause: Error, expected: number): FileRead<Item> {
    this.#documents--;
    this.#bytes -= expected;
    return { item, bytes: null, state: null, cause };
  }

  /** Answers the waiting calls of `next` as far as their files are read. */
  #answer(): void {
    while (this.#waiting.length > 0) {
      const head = this.#queue[0];
      if (head === undefined ? !this.#ended : head.read === null) return;
      const { resolve, reject } = this.#waiting.shift() as Waiting<Item>;
      try {
        resolve(this[ready]() as IteratorResult<FileRead<Item>>);
      } catch (cause) {
        reject(cause);
      }
    }
  }

  #end(failure: { readonly cause: unknown } | null = null): void {
    if (!this.#ended) this.#failure = failure;
    this.#ended = true;
    this.#answer();
  }
}

interface Slot<Item> {
  /** Null while the file is being read. */
  read: FileRead<Item> | null;
}

interface Waiting<Item> {
  resolve(next: IteratorResult<FileRead<Item>>): void;
  reject(cause: unknown): void;
}

const end: IteratorResult<never> = { done: true, value: undefined };
