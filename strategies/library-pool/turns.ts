import { Fifo } from '../session/fifo.js';
import type { Stop } from './start-board.js';

/** A piece of work that waits for its turn. */
interface Waiting {
  readonly places: number;
  /** Begins the work; null when it was stopped before its turn. */
  begin: (() => void) | null;
}

/** Runs pieces of work in a limited number of places, in the order in which they came. */
export class Turns {
  #places: number;
  #free: number;
  readonly #waiting = new Fifo<Waiting>();
  /** The work that is next, which has more places than are free. */
  #next: Waiting | null = null;

  constructor(places: number) {
    this.#places = places;
    this.#free = places;
  }

  /** No work is running, and so none waits. */
  get isIdle(): boolean {
    return this.#free === this.#places;
  }

  /**
   * Rejects as `work` does. When `stop` aborts before its turn, it rejects at once, and `work` is not called.
   */
  async run<T>(work: () => Promise<T>, places = 1, stop: Stop | null = null): Promise<T> {
    if (this.#next === null && this.#free >= places) this.#free -= places;
    else await this.#turn(places, stop);
    try {
      return await work();
    } finally {
      this.#free += places;
      this.#begin();
    }
  }

  /** Adds places, or takes some away when the number is negative. */
  add(places: number): void {
    this.#places += places;
    this.#free += places;
    this.#begin();
  }

  #turn(places: number, stop: Stop | null): Promise<void> {
    return new Promise((begin, reject) => {
      const waiting: Waiting = { places, begin };
      if (this.#next === null) this.#next = waiting;
      else this.#waiting.push(waiting);
      stop?.addEventListener('abort', () => {
        waiting.begin = null;
        reject(new Error(stop.reason));
        this.#begin();
      });
    });
  }

  /** Lets work begin for as long as there are places. */
  #begin(): void {
    while (this.#next !== null && (this.#next.begin === null || this.#next.places <= this.#free)) {
      const { places, begin } = this.#next;
      this.#next = this.#waiting.shift();
      if (begin === null) continue;
      this.#free -= places;
      begin();
    }
  }
}
