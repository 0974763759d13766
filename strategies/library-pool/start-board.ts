import { clearInterval, setInterval } from 'node:timers';
import { now } from '../worker/clock.js';

/**
 * Notes when tasks in flight began, in memory that all threads share, with one place per task. The caller
 * writes 0 when it takes a place, and the worker writes the time when the task begins. The caller reads it
 * when it cancels a document. Where tasks have a time limit it also reads all at intervals, and aborts the
 * task that has run too long. A place is free again when its task has settled. So only run time counts, not
 * queue time.
 *
 * A worker writes its thread beside the time. A task that was the only one in its thread is to blame for its
 * time. When others were running there, none of them is known to be to blame.
 *
 * The first number of the memory is how many tasks a thread may run at the same time. The caller writes it.
 */
export class StartBoard {
  readonly memory: SharedArrayBuffer;
  readonly #starts: Float64Array;
  readonly #free: number[];
  readonly #running = new Map<number, Stop>();
  readonly #timeoutMs: number;
  readonly #timer: NodeJS.Timeout | null;

  /** @param timeoutMs absent: tasks have no time limit */
  constructor(places: number, perWorker: number, timeoutMs = Number.POSITIVE_INFINITY) {
    this.memory = new SharedArrayBuffer(8 * (1 + 2 * places));
    this.#starts = new Float64Array(this.memory);
    this.setPerWorker(perWorker);
    this.#free = Array.from({ length: places }, (_, place) => 1 + 2 * place);
    this.#timeoutMs = timeoutMs;
    this.#timer = Number.isFinite(timeoutMs)
      ? setInterval(() => this.#look(), Math.max(1, Math.min(timeoutMs / 8, 250))).unref()
      : null;
  }

  /** @returns the task's place, and a signal that aborts when the task has run too long */
  enter(): Place {
    const place = this.#free.pop() as number; // there are as many places as tasks in flight
    const signal = new Stop();
    this.#starts[place] = 0;
    this.#running.set(place, signal);
    return { place, signal };
  }

  /** Tells whether the task in this place has begun. */
  hasBegun(place: number): boolean {
    return (this.#starts[place] as number) > 0;
  }

  setPerWorker(perWorker: number): void {
    this.#starts[0] = perWorker;
  }

  leave(place: number): void {
    this.#running.delete(place);
    this.#free.push(place);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(): void {
    const latest = now() - this.#timeoutMs;
    for (const [place, signal] of this.#running) {
      const start = this.#starts[place] as number;
      if (signal.aborted || signal.isBeside || start <= 0 || start > latest) continue;
      const beside = this.#beside(place);
      if (beside.length > 0) for (const other of [signal, ...beside]) other.isBeside = true;
      signal.abort();
    }
  }

  /** Returns the signals of other tasks that are running in the thread of this one. */
  #beside(place: number): Stop[] {
    const isBeside = (other: number) =>
      other !== place &&
      this.#starts[other + 1] === this.#starts[place + 1] &&
      (this.#starts[other] as number) > 0 &&
      Number.isFinite(this.#starts[other]);
    return [...this.#running].filter(([other]) => isBeside(other)).map(([, signal]) => signal);
  }
}

/** A task in flight has this place on the board. */
export interface Place {
  readonly place: number;
  readonly signal: Stop;
}

/**
 * The part of an `AbortSignal` that piscina uses. Every document that may be aborted needs one, and a real
 * one costs microseconds.
 */
export class Stop {
  aborted = false;
  /** True when the thread was ended for its time while several tasks were running there. */
  isBeside = false;
  readonly reason = 'the task has run too long, or its document was cancelled';
  #listener: (() => void) | null = null;

  addEventListener(_: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = null;
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    this.#listener?.();
  }
}
