import { setTimeout } from 'node:timers';

/** A signal reaches this process and what its tasks have started within this time, ms. */
const holdMs = 50;

/**
 * Holds the failures of tasks in this process back for a moment. Ctrl-C in a terminal also ends what such a
 * task has started, so the task fails because of the signal, and that failure may be here before the signal
 * is handled. A failure that is held when the signal comes, or that comes later, gets no line: the document
 * runs in the next call.
 */
export class HeldFailures {
  readonly #stop: AbortSignal;
  readonly #held: { readonly sinceMs: number; readonly write: () => void }[] = [];
  #timer: NodeJS.Timeout | null = null;
  #failure: { readonly cause: unknown } | null = null;

  constructor(stop: AbortSignal) {
    this.#stop = stop;
  }

  add(write: () => void): void {
    if (this.#stop.aborted) return;
    this.#held.push({ sinceMs: performance.now(), write });
    this.#timer ??= setTimeout(() => this.#look(), holdMs);
  }

  /** Resolves when no failure is held any more. @throws what a write has thrown */
  async settle(): Promise<void> {
    while (this.#held.length > 0 && !this.#stop.aborted)
      await new Promise((resolve) => setTimeout(resolve, holdMs / 5));
    if (this.#failure !== null) throw this.#failure.cause;
  }

  #look(): void {
    this.#timer = null;
    if (this.#stop.aborted) {
      this.#held.length = 0;
      return;
    }
    const latestMs = performance.now() - holdMs;
    try {
      while (this.#held[0] !== undefined && this.#held[0].sinceMs <= latestMs + 1)
        this.#held.shift()?.write();
    } catch (cause) {
      this.#failure ??= { cause };
      this.#held.length = 0;
    }
    if (this.#held.length > 0) this.#timer = setTimeout(() => this.#look(), holdMs);
  }
}
