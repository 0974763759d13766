import { now } from '../worker/clock.js';

const intervalMs = 250;

/** So often in a row the library is found at rest with something to do, until it is held to have lost count. */
const mostIdleLooks = 4;

/**
 * Ends waits on a library that has lost count: when it is at rest although something is waited for, or when nothing has settled for
 * so long, everything that is waited for rejects. It keeps the process alive as long as anything is.
 */
export class Stall {
  readonly #limitMs: number;
  readonly #atRest: () => boolean;
  readonly #ended: () => void;
  #idleLooks = 0;
  readonly #waiting = new Set<(cause: Error) => void>();
  #settledMs = 0;
  #timer: NodeJS.Timeout | null = null;

  /** @param ended is told after a stall */
  constructor({ limitMs, atRest, ended }: { limitMs: number; atRest: () => boolean; ended: () => void }) {
    this.#limitMs = limitMs;
    this.#atRest = atRest;
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
        if (this.#waiting.size === 0) this.#rest();
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
    this.#idleLooks = this.#atRest() ? this.#idleLooks + 1 : 0;
    const quietMs = now() - this.#settledMs;
    if (this.#idleLooks < mostIdleLooks && quietMs < this.#limitMs) return;
    this.#idleLooks = 0;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#rest();
    this.#ended();
    for (const reject of waiting)
      reject(new Error(`the pool has answered nothing for ${Math.round(quietMs)} ms`));
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
