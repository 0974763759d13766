import { clearTimeout } from 'node:timers';
import { Fifo } from '../session/fifo.js';
import type { StageDescription } from './protocol.js';
import type { StageValue } from './staged-document.js';

/**
 * Tasks that take longer than this are sent one at a time: waiting for the next one costs them little, ms.
 */
const longMs = 20;
/**
 * A request with several values is about this much work, ms. Requests of 1 ms cost stages that compute for a
 * millisecond a tenth of their rate: the controller wakes for each answer, and takes a core from them.
 */
const requestMs = 4;
/**
 * A request has at most this many values, and about this many bytes. Sending a message and waking its
 * receiver take 16 µs, which is a quarter of a microsecond per value here. Larger values gain nothing
 * together.
 */
const maxValues = 64;
const maxBytes = 2 ** 20;
/** A new time or size counts this much in its mean. */
const learning = 1 / 8;

/** A request has ended. */
export interface StageWork {
  /** It had this many values. */
  readonly count: number;
  readonly busyMs: number;
  readonly bytes: number;
  readonly resultBytes: number;
}

/** One stage: its queue, and what is known of its calls. */
export class Stage {
  readonly number: number;
  readonly description: StageDescription;
  /** A call may take this long, ms; null: there is no limit. */
  readonly limitMs: number | null;
  /** Values wait here for a worker. */
  readonly waiting = new Fifo<StageValue>();
  /** Values of documents that go to a worker alone. */
  readonly alone = new Fifo<StageValue>();
  /** Bytes of all values that wait for a worker. */
  waitingBytes = 0;
  /** Values that workers have. */
  inWorkers = 0;
  inWorkersBytes = 0;
  /** Values of the calls that workers are in, as far as the controller knows. */
  running = 0;
  runningBytes = 0;
  /** Sends a batch that is not full; null while there is no such batch. */
  batchTimer: NodeJS.Timeout | null = null;
  /** True when values were left out that their documents want no more: the queue has more room by now. */
  hasLeftOut = false;
  /** True when it has values, and its results have no room. */
  isBlocked = false;
  documents = 0;
  bytes = 0;
  busyMs = 0;
  blockedMs = 0;
  idleMs = 0;
  #serviceMs: number | null = null;
  #resultBytes: number | null = null;
  /** A value, or what the stage makes of it, has about this size, bytes; null before its first result. */
  #largerBytes: number | null = null;

  constructor(number: number, description: StageDescription, timeoutMs: number | undefined) {
    this.number = number;
    this.description = description;
    this.limitMs = description.timeoutMs ?? timeoutMs ?? null;
  }

  /** This many values are in its queue, or in its workers and have not begun. */
  get inFront(): number {
    return this.waiting.length + this.alone.length + this.inWorkers - this.running;
  }

  get bytesInFront(): number {
    return this.waitingBytes + this.inWorkersBytes - this.runningBytes;
  }

  /** A request may have this many values. */
  get maxValues(): number {
    const { batch } = this.description;
    if (batch !== null) return batch.documents;
    if (this.#serviceMs === null || this.#largerBytes === null) return 1;
    const inTime = requestMs / this.#serviceMs;
    return Math.max(1, Math.floor(Math.min(maxValues, inTime, maxBytes / this.#largerBytes)));
  }

  /** A worker may have this many requests. */
  get maxRequests(): number {
    const { batch } = this.description;
    if (this.#serviceMs === null) return 1;
    return this.#serviceMs * (batch?.documents ?? 1) < longMs ? 2 : 1;
  }

  /** About the bytes that one value gives; null before its first result. */
  get resultBytes(): number | null {
    return this.#resultBytes;
  }

  learn({ count, busyMs, bytes, resultBytes }: StageWork): void {
    this.documents += count;
    this.busyMs += busyMs;
    this.bytes += bytes;
    this.#serviceMs = mean(this.#serviceMs, busyMs / count);
    this.#resultBytes = mean(this.#resultBytes, resultBytes / count);
    this.#largerBytes = mean(this.#largerBytes, Math.max(bytes, resultBytes) / count);
  }

  push(value: StageValue): void {
    this.waitingBytes += value.bytes;
    (value.owner.isAlone ? this.alone : this.waiting).push(value);
  }

  /** Takes the next value whose document still wants it; null when there is none. */
  take(queue: Fifo<StageValue>): StageValue | null {
    for (;;) {
      const value = queue.shift();
      if (value === null) return null;
      this.waitingBytes -= value.bytes;
      if (isWanted(value)) return value;
      this.hasLeftOut = true;
    }
  }

  /** Forgets all values: a run has ended early. */
  clear(): void {
    this.waiting.empty();
    this.alone.empty();
    this.waitingBytes = 0;
    if (this.batchTimer !== null) clearTimeout(this.batchTimer);
    this.batchTimer = null;
  }
}

export function isWanted({ owner, attempt }: StageValue): boolean {
  return !owner.isSettled && !owner.isCancelled && attempt === owner.attempt;
}

function mean(known: number | null, added: number): number {
  return known === null ? added : known + (added - known) * learning;
}
