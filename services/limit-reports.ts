import { clearTimeout, setTimeout } from 'node:timers';
import type { Answered, DoneSlot, LimitRequest, UsedSlot, Want } from './limit-protocol.js';

export interface ReportOptions {
  readonly now: () => number;
  readonly send: (request: LimitRequest) => void;
}

/** The caller hears that documents have begun when they are this many, or with something else. */
const begunTogether = 50;
/** Slots in advance that were used, and requests that are done, are reported within this time, ms. */
const reportMs = 20;

/**
 * What a worker has to say to the caller about its limits, in as few messages as possible.
 *
 *   soon    answers of the service and questions about retries: after what runs now
 *   later   slots in advance that were used, and requests that are done: in `reportMs`
 *
 * Every message has all that is there.
 */
export class LimitReports {
  readonly #options: ReportOptions;
  #wants: Want[] = [];
  #used: UsedSlot[] = [];
  #unused: number[] = [];
  #answers: Answered[] = [];
  #done: DoneSlot[] = [];
  #begun = 0;
  #retries: number[] = [];
  #isFlushing = false;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: ReportOptions) {
    this.#options = options;
  }

  /** A request waits for a slot. */
  want(want: Want): void {
    this.#wants.push(want);
  }

  used(slot: UsedSlot): void {
    this.#used.push(slot);
  }

  /** A slot is given back. */
  unused(id: number): void {
    this.#unused.push(id);
  }

  answered(answer: Answered): void {
    this.#answers.push(answer);
    this.flushSoon();
  }

  done(slot: DoneSlot): void {
    this.#done.push(slot);
    this.flushLater();
  }

  /** A document is tried for the first time. */
  begin(): void {
    if (++this.#begun >= begunTogether) this.flushSoon();
  }

  /** A document that would be tried again waits for the caller's word. */
  mayRetry(want: number): void {
    this.#retries.push(want);
    this.flushSoon();
  }

  flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.flush();
    });
  }

  flushLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.flush();
    }, reportMs).unref();
  }

  /** Sends what there is. @param advance this many slots in advance are asked for, too */
  flush(advance = 0): void {
    if (this.#isClosed) return;
    const done = this.#done;
    const [wants, used, unused, answers] = [this.#wants, this.#used, this.#unused, this.#answers];
    const [retries, begun] = [this.#retries, this.#begun];
    const isDue = begun >= begunTogether || retries.length > 0;
    if (!isDue && advance + wants.length + used.length + unused.length + answers.length + done.length === 0)
      return;
    this.#retries = [];
    this.#begun = 0;
    this.#wants = [];
    this.#used = [];
    this.#unused = [];
    this.#answers = [];
    this.#done = [];
    this.#options.send({
      clockMs: this.#options.now(),
      ...(wants.length > 0 && { wants }),
      ...(advance > 0 && { advance }),
      ...(used.length > 0 && { used }),
      ...(unused.length > 0 && { unused }),
      ...(answers.length > 0 && { answers }),
      ...(done.length > 0 && { done }),
      ...(begun > 0 && { begun }),
      ...(retries.length > 0 && { retries }),
    });
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
