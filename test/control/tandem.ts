import { QueueRoom } from '../../strategies/pipeline/limits.js';
import { Stage } from '../../strategies/pipeline/stage.js';

/**
 * A pipeline on virtual time: stages with workers, and a source that always has a document. The rule of the
 * strategy says when a worker may begin: what it returns must have room in the next queue.
 */

export interface SimulatedStage {
  /** Draws the time of the next document, ms. */
  readonly serviceMs: (nowMs: number) => number;
  /** A new worker is ready after this time, ms. */
  readonly startMs?: number;
}

export interface Done {
  readonly stage: number;
  readonly busyMs: number;
  readonly atMs: number;
}

interface Event {
  readonly atMs: number;
  readonly stage: number;
  /** The document that ends took this time; null: a worker is ready. */
  readonly busyMs: number | null;
}

interface StageState {
  workers: number;
  ready: number;
  busy: number;
  /** These documents wait before this stage. */
  queued: number;
}

export class Tandem {
  nowMs = 0;
  /** This many documents have left the last stage. */
  finished = 0;
  readonly #stages: readonly SimulatedStage[];
  readonly #room: QueueRoom;
  readonly #own: readonly Stage[];
  readonly #onDone: (done: Done) => void;
  readonly #states: readonly StageState[];
  #events: Event[] = [];

  constructor({
    stages,
    workers,
    places,
    onDone = () => {},
  }: {
    readonly stages: readonly SimulatedStage[];
    readonly workers: readonly number[];
    /** Each queue has this many places. */
    readonly places: number;
    readonly onDone?: (done: Done) => void;
  }) {
    this.#stages = stages;
    const plain = { isolation: 'thread', batch: null, timeoutMs: null, flatMap: false } as const;
    this.#own = stages.map((_, number) => new Stage(number, { name: `${number}`, ...plain }, undefined));
    this.#room = new QueueRoom({ places, bytes: 2 ** 30 }, this.#own);
    this.#onDone = onDone;
    this.#states = stages.map(() => ({ workers: 0, ready: 0, busy: 0, queued: 0 }));
    this.allot(workers);
  }

  /** Starts and ends workers. A worker that is removed finishes its document. */
  allot(workers: readonly number[]): void {
    for (const [stage, n] of workers.entries()) {
      const state = this.#states[stage] as StageState;
      for (; state.workers < n; state.workers++) {
        const atMs = this.nowMs + (this.#stages[stage]?.startMs ?? 0);
        this.#add({ atMs, stage, busyMs: null });
      }
      state.workers = n;
      state.ready = Math.min(state.ready, n);
    }
  }

  runUntil(untilMs: number): void {
    for (;;) {
      const event = this.#events[0];
      if (event === undefined || event.atMs > untilMs) break;
      this.#events.shift();
      this.nowMs = event.atMs;
      this.#happens(event);
    }
    this.nowMs = untilMs;
  }

  /** Runs until this many documents have left the last stage. */
  runDocuments(documents: number): void {
    while (this.finished < documents) {
      const event = this.#events.shift() as Event;
      this.nowMs = event.atMs;
      this.#happens(event);
    }
  }

  #happens({ stage, busyMs }: Event): void {
    const state = this.#states[stage] as StageState;
    if (busyMs === null) state.ready = Math.min(state.ready + 1, state.workers);
    else {
      state.busy--;
      const next = this.#states[stage + 1];
      if (next === undefined) this.finished++;
      else next.queued++;
      this.#onDone({ stage, busyMs, atMs: this.nowMs });
    }
    this.#move();
  }

  /** Begins what can begin, until nothing moves. */
  #move(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [stage, state] of this.#states.entries()) {
        while (state.busy < state.ready && (stage === 0 || state.queued > 0) && this.#hasRoom(stage)) {
          if (stage > 0) state.queued--;
          this.#begin(stage);
          moved = true;
        }
      }
    }
  }

  #hasRoom(stage: number): boolean {
    const own = this.#own[stage] as Stage;
    const { busy, workers } = this.#states[stage] as StageState;
    own.inWorkers = busy;
    const behind = { values: this.#states[stage + 1]?.queued ?? 0, bytes: 0 };
    return this.#room.of(own, workers, behind) > 0;
  }

  #begin(stage: number): void {
    const busyMs = (this.#stages[stage] as SimulatedStage).serviceMs(this.nowMs);
    (this.#states[stage] as StageState).busy++;
    this.#add({ atMs: this.nowMs + busyMs, stage, busyMs });
  }

  #add(event: Event): void {
    let at = this.#events.length;
    while (at > 0 && (this.#events[at - 1] as Event).atMs > event.atMs) at--;
    this.#events.splice(at, 0, event);
  }
}
