import type { FoundFile } from '../../workloads/files.js';
import { type FileState, readRegularFile } from '../../workloads/read-file.js';

/** A file of the job; `id` is the name in its line. */
export type JobFile = Pick<FoundFile, 'id' | 'path' | 'size' | 'mtimeMs'>;

interface Content {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Files that are read ahead: about as many as the threads of libuv read in the time of one document. */
const ahead = 16;
/** Bytes of documents that may be read and have no outcome yet, however many they are. */
const minBytes = 64 * 2 ** 20;
/** Each worker may have this many bytes of them. */
const bytesPerWorker = 8 * 2 ** 20;

export interface JobReaderOptions {
  readonly workers: number;
  /** When it aborts, no further document comes, whatever is being read. */
  readonly stop: AbortSignal;
  /** Gets each file that cannot be read. */
  readonly unreadable: (id: string, cause: Error) => void;
}

interface Reading {
  readonly file: JobFile;
  result: { readonly bytes: Uint8Array; readonly state: FileState } | Error | null;
}

/**
 * Reads files in their order, some ahead of the caller. The bytes of a document count from when it is read
 * until its outcome is there, wherever it is in between: at the limit no further file is read, except that
 * workers + 2 documents are always allowed.
 */
export class JobReader {
  readonly #files: readonly JobFile[];
  readonly #options: JobReaderOptions;
  readonly #maxBytes: number;
  readonly #minDocuments: number;
  readonly #reading: Reading[] = [];
  /** Documents that the caller has and that have no outcome yet. */
  readonly #given = new Map<string, FileState>();
  #next = 0;
  #bytes = 0;
  #wake = () => {};

  constructor(files: readonly JobFile[], options: JobReaderOptions) {
    this.#files = files;
    this.#options = options;
    this.#maxBytes = Math.max(minBytes, options.workers * bytesPerWorker);
    this.#minDocuments = options.workers + 2;
    options.stop.addEventListener('abort', () => this.#wake(), { once: true });
  }

  async *documents(): AsyncGenerator<Content, void, undefined> {
    const { stop, unreadable } = this.#options;
    while (!stop.aborted) {
      this.#fill();
      const [head] = this.#reading;
      if (head === undefined && this.#next >= this.#files.length) return;
      const result = head?.result ?? null;
      if (head === undefined || result === null) {
        await this.#change();
        continue;
      }
      this.#reading.shift();
      const { id, size } = head.file;
      if (result instanceof Error) {
        this.#bytes -= size;
        unreadable(id, result);
      } else {
        this.#bytes += result.bytes.length - size; // it may have changed since it was found
        this.#given.set(id, { ...result.state, size: result.bytes.length });
        yield { id, bytes: result.bytes };
      }
    }
  }

  /** Returns the ids of the documents that the caller has had longest. */
  oldest(count: number): string[] {
    return [...this.#given.keys()].slice(0, count);
  }

  /** Takes back a document that has its outcome. @returns what its file was when it was read */
  release(id: string): FileState {
    const state = this.#given.get(id) as FileState;
    this.#given.delete(id);
    this.#bytes -= state.size;
    this.#wake();
    return state;
  }

  #fill(): void {
    while (this.#reading.length < ahead && this.#next < this.#files.length) {
      const file = this.#files[this.#next] as JobFile;
      const documents = this.#reading.length + this.#given.size;
      if (documents >= this.#minDocuments && this.#bytes + file.size > this.#maxBytes) return;
      this.#next++;
      this.#bytes += file.size;
      const reading: Reading = { file, result: null };
      this.#reading.push(reading);
      const read = (result: Reading['result']) => {
        reading.result = result;
        this.#wake();
      };
      readRegularFile(file.path).then(read, read);
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
