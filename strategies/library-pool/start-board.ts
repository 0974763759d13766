import { now } from '../worker/clock.js';

/**
 * When each task in flight began, in memory that all threads share: a place a task. The worker writes the time when it begins, the
 * caller 0 when the place is taken and reads it now and then. A place is free again when its task has settled.
 */
export class StartBoard {
  readonly memory: SharedArrayBuffer;
  readonly #starts: Float64Array;
  readonly #free: number[];
  readonly #running = new Map<number, Stop>();
  readonly #timeoutMs: number;
  readonly #timer: NodeJS.Timeout;

  constructor(places: number, timeoutMs: number) {
    this.memory = new SharedArrayBuffer(8 * places);
    this.#starts = new Float64Array(this.memory);
    this.#free = Array.from({ length: places }, (_, place) => place);
    this.#timeoutMs = timeoutMs;
    this.#timer = setInterval(() => this.#look(), Math.max(1, Math.min(timeoutMs / 8, 250)));
    this.#timer.unref();
  }

  /** @returns the task's place, and a signal that aborts when it has run for too long */
  enter(): { readonly place: number; readonly signal: Stop } {
    const place = this.#free.pop() as number; // as many as there are tasks in flight
    const signal = new Stop();
    this.#starts[place] = 0;
    this.#running.set(place, signal);
    return { place, signal };
  }

  leave(place: number): void {
    this.#running.delete(place);
    this.#free.push(place);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const latest = now() - this.#timeoutMs;
    for (const [place, signal] of this.#running) {
      const start = this.#starts[place] as number;
      if (start > 0 && start <= latest) signal.abort();
    }
  }
}

/** As much of an `AbortSignal` as piscina asks for, once for every document: a real one costs microseconds. */
export class Stop {
  aborted = false;
  readonly reason = 'the task has run for too long';
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
