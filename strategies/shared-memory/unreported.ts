import type { MessagePort } from 'node:worker_threads';
import type { LocalReply } from '../session/outcome.js';
import type { TaskError } from '../strategy.js';
import { flushMs } from './ahead.js';
import { columnsOf } from './columns.js';
import type { ArenaWorkerData, Outcomes } from './protocol.js';

/** The outcomes that a worker has not reported yet. It keeps them until they are enough for one message. */
export class Unreported {
  readonly #port: MessagePort;
  readonly #flush: ArenaWorkerData['flush'];
  #slots: number[] = [];
  #values: unknown[] = [];
  #timedOut: number[] | null = null;
  #served: NonNullable<Outcomes['served']>[number][] | null = null;
  /** Buffers in the values that the message moves. */
  #moved = new Set<ArrayBuffer>();
  #bytes = 0;
  /** The first outcome was there at this time. */
  #firstMs = 0;

  constructor(port: MessagePort, flush: ArenaWorkerData['flush']) {
    this.#port = port;
    this.#flush = flush;
  }

  /** Keeps the outcome of a document that has this many bytes. */
  keep(slot: number, size: number, reply: LocalReply): void {
    if (this.#slots.length === 0) this.#firstMs = reply.startedMs + reply.taskMs;
    const ok = reply.status === 'ok';
    const value: unknown = ok ? reply.value : (reply.error satisfies TaskError);
    this.#slots.push(ok ? slot : ~slot);
    this.#values.push(value);
    if (reply.status === 'timed-out') {
      this.#timedOut ??= [];
      this.#timedOut.push(slot);
    }
    if (reply.served !== undefined) {
      this.#served ??= [];
      this.#served.push({ at: this.#slots.length - 1, ...reply.served });
    }
    this.#bytes += size;
    if (reply.moved === undefined) return;
    for (const buffer of reply.moved) {
      this.#moved.add(buffer);
      this.#bytes += buffer.byteLength;
    }
  }

  isEmpty(): boolean {
    return this.#slots.length === 0;
  }

  /** Tells whether there are enough outcomes for a message. */
  isFull(): boolean {
    return this.#slots.length >= this.#flush.documents || this.#bytes >= this.#flush.bytes;
  }

  /**
   * Tells whether the first outcome would wait too long for another one, if that took as long as the last
   * one. Each message wakes the caller's thread, which takes a core from a worker when there are no more
   * cores than workers: at 2 ms in place of `flushMs` this cost a tenth of what a second core gains.
   */
  isTime({ startedMs, taskMs }: LocalReply): boolean {
    return startedMs + 2 * taskMs - this.#firstMs > flushMs;
  }

  /** Sends all outcomes in one message, and has none then. */
  send(): void {
    const outcomes: Outcomes = {
      slots: this.#slots,
      values: columnsOf(this.#values) ?? this.#values,
      ...(this.#timedOut && { timedOut: this.#timedOut }),
      ...(this.#served && { served: this.#served }),
      ...(this.#moved.size > 0 && { hasMoved: true }),
    };
    this.#port.postMessage(outcomes, [...this.#moved]);
    this.#slots = [];
    this.#values = [];
    this.#timedOut = null;
    this.#served = null;
    this.#moved = new Set();
    this.#bytes = 0;
  }
}
