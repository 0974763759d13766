import { clearTimeout, setTimeout } from 'node:timers';

/** A number that only grows, and that others wait for. */
export class Heard {
  #reached = 0;
  #waiting: { readonly count: number; readonly go: () => void }[] = [];

  reach(count: number): void {
    this.#reached = Math.max(this.#reached, count);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting)
      if (one.count <= this.#reached) one.go();
      else this.#waiting.push(one);
  }

  /** Resolves when the number is at least this, or after this time. */
  atLeast(count: number, ms: number): Promise<void> | undefined {
    if (count <= this.#reached) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiting.push({
        count,
        go() {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }
}
