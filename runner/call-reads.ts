import { Fifo } from '../strategies/session/fifo.js';
import { refused } from '../strategies/session/outcome.js';
import type { Outcome } from '../strategies/strategy.js';
import { readRegularFile } from '../workloads/read-file.js';
import type { Call, InputPath } from './pending.js';

/** Files that are read at the same time: each has a descriptor open. */
const maxReads = 64;

export interface CallReadsOptions {
  /** Gets a call whose document has its bytes by now. */
  readonly read: (call: Call) => void;
  /** Gets a call whose file cannot be read, with its outcome. */
  readonly unread: (call: Call, outcome: Outcome) => void;
  /** Called after each of the two. */
  readonly notify: () => void;
}

/** Reads the files of calls of `run`, where workers do not read them. */
export class CallReads {
  readonly #options: CallReadsOptions;
  /** Calls that wait for their file. */
  readonly #calls = new Set<Call>();
  readonly #unread = new Fifo<Call>();
  #reads = 0;

  constructor(options: CallReadsOptions) {
    this.#options = options;
  }

  /** Calls that wait for their file. */
  get count(): number {
    return this.#calls.size;
  }

  add(call: Call): void {
    this.#calls.add(call);
    this.#unread.push(call);
    this.#begin();
  }

  /** @returns false when the call does not wait for a file */
  remove(call: Call): boolean {
    return this.#calls.delete(call);
  }

  /** Removes all calls, and returns them. */
  empty(): Call[] {
    const calls = [...this.#calls];
    this.#calls.clear();
    this.#unread.empty();
    return calls;
  }

  #begin(): void {
    while (this.#reads < maxReads) {
      const call = this.#unread.shift();
      if (call === null) return;
      if (this.#calls.has(call)) void this.#read(call, call.document as InputPath);
    }
  }

  async #read(call: Call, { id, path }: InputPath): Promise<void> {
    this.#reads++;
    try {
      const named = typeof path === 'string' || Buffer.isBuffer(path) ? path : Buffer.from(path);
      const { bytes, state } = await readRegularFile(named);
      call.document = { id, bytes };
      call.mtimeMs = state.mtimeMs;
      if (this.#calls.delete(call)) this.#options.read(call);
    } catch (cause) {
      if (this.#calls.delete(call)) this.#options.unread(call, refused({ index: 0, id }, cause));
    }
    this.#reads--;
    this.#begin();
    this.#options.notify();
  }
}
