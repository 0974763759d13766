import { clearInterval, setInterval } from 'node:timers';
import { now } from '../worker/clock.js';

const intervalMs = 250;

/**
 * After this many consecutive looks that find the pool idle although calls are pending, assume it has lost
 * track of them.
 */
const maxIdleLooks = 4;

export interface StallOptions {
  readonly limitMs: number;
  /** No worker has a call. */
  readonly isIdle: () => boolean;
  /** Some worker has not loaded its workload yet. */
  readonly isStarting: () => boolean;
  /** It is called after a stall, before the pending calls reject. */
  readonly ended: () => void;
}

/**
 * Ends waits on a library that has lost track of its calls. When the library is idle although calls are
 * pending, or when none has settled for `limitMs`, all pending calls reject. Time in which a worker starts
 * does not count. The process stays alive as long as a call is pending.
 */
export class Stall {
  readonly #limitMs: number;
  readonly #isIdle: () => boolean;
  readonly #isStarting: () => boolean;
  readonly #ended: () => void;
  #idleLooks = 0;
  readonly #waiting = new Set<(cause: Error) => void>();
  #settledMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor({ limitMs, isIdle, isStarting, ended }: StallOptions) {
    this.#limitMs = limitMs;
    this.#isIdle = isIdle;
    this.#isStarting = isStarting;
    this.#ended = ended;
  }

  guard<T>(answer: PromiseLike<T>): Promise<T> {
    if (this.#waiting.size === 0) this.#settledMs = now();
    this.#timer ??= setInterval(() => this.#look(), intervalMs);
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const settled = () => {
        this.#waiting.delete(reject);
        this.#settledMs = now();
        if (this.#waiting.size === 0) this.#stop();
      };
      answer.then(
        (value) => {
          settled();
          resolve(value);
        },
        (cause: unknown) => {
          settled();
          reject(cause);
        },
      );
    });
  }

  #look(): void {
    if (this.#isStarting()) {
      this.#idleLooks = 0;
      this.#settledMs = now();
      return;
    }
    this.#idleLooks = this.#isIdle() ? this.#idleLooks + 1 : 0;
    const quietMs = now() - this.#settledMs;
    if (this.#idleLooks < maxIdleLooks && quietMs < this.#limitMs) return;
    this.#idleLooks = 0;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#stop();
    this.#ended();
    for (const reject of waiting)
      reject(new Error(`expected an answer of the pool, but none came for ${Math.round(quietMs)} ms`));
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
