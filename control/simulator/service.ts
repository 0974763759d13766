import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Completion } from '../blocks.js';
import type { Signals } from '../guards.js';

/**
 * A service, or a machine, on virtual time. A source that never ends keeps `number` documents at work, and
 * the service says how long each takes.
 */
export interface Service {
  /** Returns what happens to a document that begins now. */
  begin(request: Request): Served;
  /** A document that was served has left. */
  end?(): void;
  signals?(atWork: number): Signals;
}

export interface Request {
  readonly nowMs: number;
  /** Documents at work, this one included. */
  readonly atWork: number;
  readonly bytes: number;
  /** Its own time is multiplied by this; the mean is 1. */
  readonly noise: number;
}

export type Served = { readonly takesMs: number; readonly refused?: true };

/** The controller decides about the number. */
export interface Controller {
  readonly number: number;
  completed(done: Completion): boolean;
  refused(taskMs: number): boolean;
  decide(nowMs: number, signals?: Signals): unknown;
}

export interface Totals {
  nowMs: number;
  completed: number;
  refused: number;
  bytes: number;
  /** The highest memory that was seen. */
  memoryBytes: number;
}

interface Ending {
  readonly atMs: number;
  readonly beganMs: number;
  readonly bytes: number;
  readonly refused: boolean;
}

export interface SimulationOptions {
  readonly service: Service;
  readonly controller: Controller;
  readonly seed: number;
  /** The logarithm of a document's own time has this standard deviation. */
  readonly noise: number;
  /** Draws a document's size from a number below 1. */
  readonly bytes?: (random: number, nowMs: number) => number;
  /** Gets the time of every document that was served. */
  readonly onTask?: (taskMs: number) => void;
}

/** Signals are read this often, ms. */
const tickMs = 250;

export class Simulation {
  readonly totals: Totals = { nowMs: 0, completed: 0, refused: 0, bytes: 0, memoryBytes: 0 };
  readonly #options: SimulationOptions;
  readonly #random: ReturnType<typeof xoroshiro128plus>;
  readonly #endings = new Endings();
  #atWork = 0;
  #tickMs = tickMs;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = xoroshiro128plus(options.seed);
  }

  /** Goes on until this time, or until `until` is true after a document. */
  run(untilMs: number, until: () => boolean = () => false): void {
    const { totals } = this;
    this.#fill();
    for (;;) {
      const nextMs = this.#endings.nextMs;
      if (Math.min(nextMs, this.#tickMs) > untilMs) {
        totals.nowMs = untilMs;
        return;
      }
      if (this.#tickMs <= nextMs) {
        totals.nowMs = this.#tickMs;
        this.#tickMs += tickMs;
        this.#decide();
      } else this.#ended(this.#endings.take());
      this.#fill();
      if (until()) return;
    }
  }

  #ended({ atMs, beganMs, bytes, refused }: Ending): void {
    const { totals } = this;
    const { controller, service, onTask } = this.#options;
    totals.nowMs = atMs;
    this.#atWork--;
    const taskMs = atMs - beganMs;
    if (refused) {
      totals.refused++;
      if (controller.refused(taskMs)) this.#decide();
      return;
    }
    service.end?.();
    totals.completed++;
    totals.bytes += bytes;
    onTask?.(taskMs);
    if (controller.completed({ atMs, taskMs, bytes, held: this.#atWork + 1 })) this.#decide();
  }

  #decide(): void {
    const signals = this.#options.service.signals?.(this.#atWork);
    this.#options.controller.decide(this.totals.nowMs, signals);
  }

  #fill(): void {
    const { controller, service, noise: sigma, bytes: sizeOf } = this.#options;
    const { totals } = this;
    while (this.#atWork < controller.number) {
      this.#atWork++;
      const bytes = sizeOf?.(uniformFloat64(this.#random), totals.nowMs) ?? 10_000;
      const noise = Math.exp(sigma * this.#normal() - sigma ** 2 / 2);
      const nowMs = totals.nowMs;
      const { takesMs, refused = false } = service.begin({ nowMs, atWork: this.#atWork, bytes, noise });
      this.#endings.add({ atMs: nowMs + takesMs, beganMs: nowMs, bytes, refused });
    }
    const memoryBytes = service.signals?.(this.#atWork).memoryBytes ?? 0;
    totals.memoryBytes = Math.max(totals.memoryBytes, memoryBytes);
  }

  #normal(): number {
    const radius = Math.sqrt(-2 * Math.log1p(-uniformFloat64(this.#random)));
    return radius * Math.cos(2 * Math.PI * uniformFloat64(this.#random));
  }
}

/** Documents by the time at which they end: a binary heap. */
class Endings {
  readonly #heap: Ending[] = [];

  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  add(ending: Ending): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(ending);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as Ending).atMs <= ending.atMs) break;
      heap[at] = heap[parent] as Ending;
      at = parent;
    }
    heap[at] = ending;
  }

  take(): Ending {
    const heap = this.#heap;
    const first = heap[0] as Ending;
    const last = heap.pop() as Ending;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Ending).atMs < (heap[child] as Ending).atMs) child++;
      if ((heap[child] as Ending).atMs >= last.atMs) break;
      heap[at] = heap[child] as Ending;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
