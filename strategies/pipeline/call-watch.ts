import { clearInterval, setInterval } from 'node:timers';
import { now } from '../worker/clock.js';

/** Something that is looked at while calls have a time limit. */
export interface Watched {
  look(nowMs: number): void;
}

/** Looks at all threads eight times per time limit, so that a call can exceed it by an eighth at most. */
export class CallWatch {
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | null = null;

  /** @param limitMs the shortest time limit; null where no call has one, and nothing is looked at */
  begin(limitMs: number | null): void {
    if (limitMs === null) return;
    this.#timer = setInterval(
      () => {
        const nowMs = now();
        for (const one of this.#watched) one.look(nowMs);
      },
      Math.max(1, Math.min(limitMs / 8, 250)),
    );
    this.#timer.unref();
  }

  add(one: Watched): void {
    this.#watched.add(one);
  }

  remove(one: Watched): void {
    this.#watched.delete(one);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}
