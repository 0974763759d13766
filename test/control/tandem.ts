/**
 * A pipeline on virtual time: stages with workers, a bounded queue before each stage but the first, and a
 * source that always has a document. A worker that has finished keeps its document while the next queue is
 * full, and begins nothing meanwhile.
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
  /** These workers have a document for which the next queue has no place. */
  blocked: number;
  /** These documents wait before this stage. */
  queued: number;
}

export class Tandem {
  nowMs = 0;
  /** This many documents have left the last stage. */
  finished = 0;
  readonly #stages: readonly SimulatedStage[];
  readonly #places: number;
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
    this.#places = places;
    this.#onDone = onDone;
    this.#states = stages.map(() => ({ workers: 0, ready: 0, busy: 0, blocked: 0, queued: 0 }));
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
      state.blocked++;
      this.#onDone({ stage, busyMs, atMs: this.nowMs });
    }
    this.#move();
  }

  /** Passes documents on and begins what can begin, until nothing moves. */
  #move(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [stage, state] of this.#states.entries()) {
        const next = this.#states[stage + 1];
        while (state.blocked > 0 && (next === undefined || next.queued < this.#places)) {
          state.blocked--;
          if (next === undefined) this.finished++;
          else next.queued++;
          moved = true;
        }
        while (state.busy + state.blocked < state.ready && (stage === 0 || state.queued > 0)) {
          if (stage > 0) state.queued--;
          this.#begin(stage);
          moved = true;
        }
      }
    }
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
