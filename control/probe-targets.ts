import { type Block, starved } from './blocks.js';
import type { Experiment, ProbeOptions } from './experiment.js';
import type { TaskTimes } from './task-times.js';

/** Which numbers probes try, in which order, until there is nothing left to try. */

export type Direction = 'up' | 'down';

/** A probe tries this number next. */
export type ProbeTarget = Pick<ProbeOptions, 'to' | 'queueing'>;

export interface Situation {
  /** The number that was settled on. */
  readonly resting: number;
  /** Blocks at that number. */
  readonly known: readonly Block[];
  /** The number may rise to this. */
  readonly highest: number;
  /** A CPU quota stops the processes. */
  readonly isThrottled: boolean;
}

/** A probe and a move change the number by at most this share, or by one. */
const step = 0.25;
/** Documents take this many times their shortest time before a lower number is tried for that reason. */
const queueingFrom = 1.3;
/** The number rests this far above what the service can run at once, so that a rise of that is noticed. */
const headroom = 1.2;

export class ProbeTargets {
  readonly #workers: number;
  readonly #times: TaskTimes;
  /** A number is still to be tried in these directions. */
  #todo: Direction[] = ['up', 'down'];
  /** The number has its headroom already. */
  #rested = false;

  constructor({ workers, times }: { workers: number; times: TaskTimes }) {
    this.#workers = workers;
    this.#times = times;
  }

  /** A number is to be tried in these directions, the first one first. */
  begin(todo: readonly Direction[]): void {
    this.#todo = [...todo];
  }

  /** Returns what is tried next, or null if nothing is left. */
  next(now: Situation): ProbeTarget | null {
    for (let direction = this.#todo[0]; direction !== undefined; direction = this.#todo[0]) {
      const queueing =
        direction === 'down' && (now.isThrottled || this.#times.slowdown(now.known) > queueingFrom);
      const to = direction === 'up' ? this.#higher(now) : this.#lower(now, queueing);
      if (to !== now.resting) return { to, queueing };
      this.#todo.shift();
    }
    return null;
  }

  /** Returns the higher number that is tried next, or the present one if none should be. */
  #higher({ resting, known, highest }: Situation): number {
    if (starved(known, this.#workers)) return resting;
    return Math.max(resting, Math.min(resting + stepFrom(resting), highest));
  }

  /** Returns the lower number that is tried next, or the present one if none should be. */
  #lower({ resting, known, isThrottled }: Situation, queueing: boolean): number {
    const enough = queueing && !isThrottled ? this.#withHeadroom(known) : 1;
    return Math.min(resting, Math.max(resting - stepFrom(resting), enough, 1));
  }

  /** A number that was better in one direction leaves nothing to find in the other. */
  better(direction: Direction): void {
    this.#rested = false;
    this.#todo = [direction];
  }

  /**
   * The higher number was not better.
   * @param isUnused too few documents were at work to tell
   * @returns the number to rest at
   */
  higherNotBetter({ from, to, blocks }: Experiment, isUnused: boolean): number {
    const rest = Math.min(to - 1, this.#withHeadroom(blocks.to));
    const number = isUnused || this.#rested ? from : Math.max(from, rest);
    this.#rested = true;
    this.#todo.shift();
    return number;
  }

  /** The lower number was not better, so documents need the times that they take at the present one. */
  lowerNotBetter({ blocks, queueing }: Experiment): void {
    if (queueing) this.#times.need(blocks.from);
    this.#todo.shift();
  }

  #withHeadroom(blocks: readonly Block[]): number {
    return Math.ceil(headroom * this.#times.knee(blocks));
  }
}

/** Returns by how much a probe changes this number. */
export function stepFrom(number: number): number {
  return Math.max(1, Math.floor(step * number));
}
