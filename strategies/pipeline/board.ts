/**
 * A thread writes here what it is doing, and the controller reads it: see `protocol.ts`. The words are
 * written by one thread only. A word that is read while it is written is the old or the new one.
 */
export class Board {
  readonly memory: SharedArrayBuffer;
  readonly #words: Float64Array;

  constructor(memory = new SharedArrayBuffer(3 * Float64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new Float64Array(memory);
  }

  /** The thread begins with another request. */
  beginRequest(): void {
    this.#words[callsEnded] = 0;
    (this.#words[requestsBegun] as number)++;
  }

  beginCall(atMs: number): void {
    this.#words[callStartedMs] = atMs;
  }

  endCall(): void {
    this.#words[callStartedMs] = 0;
    (this.#words[callsEnded] as number)++;
  }

  /** The thread has begun this many requests. */
  get requests(): number {
    return this.#words[requestsBegun] as number;
  }

  /** This many calls of the current request have ended. */
  get ended(): number {
    return this.#words[callsEnded] as number;
  }

  /** The current call began at this time; 0 while the thread is in none. */
  get startedMs(): number {
    return this.#words[callStartedMs] as number;
  }
}

const requestsBegun = 0;
const callsEnded = 1;
const callStartedMs = 2;
