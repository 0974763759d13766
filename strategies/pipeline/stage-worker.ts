import { DeathCount } from '../session/attempts.js';
import { now } from '../worker/clock.js';
import type { Engine, EngineEnd, EngineEvents, EngineRequest, Usage } from './engine.js';
import type { RunReplies } from './protocol.js';
import type { Stage } from './stage.js';
import type { StageValue } from './staged-document.js';

/** A request with the values that it has. */
export interface StageRequest extends EngineRequest {
  readonly stage: Stage;
  readonly values: readonly StageValue[];
  /** True for a document that is alone on its worker. */
  readonly isAlone: boolean;
}

export type StageEngine = Engine<StageRequest>;

export interface StageWorkerEvents {
  answered(worker: StageWorker, request: StageRequest, replies: RunReplies): void;
  lost(worker: StageWorker, end: EngineEnd, unanswered: readonly StageRequest[]): void;
  /** It has an engine that is ready, or it has left. */
  changed(worker: StageWorker): void;
  /** An engine that was to replace another could not open its stages. */
  unopened(worker: StageWorker, cause: unknown): void;
}

/**
 * Starts an engine for these stages. Rejects with the reason why they cannot be opened, also when the signal
 * has ended it before it was ready.
 */
export type StartEngine = (
  stages: readonly number[],
  events: EngineEvents<StageRequest>,
  signal: AbortSignal,
) => Promise<StageEngine>;

/** One worker of a pipeline. When its engine has ended, another one takes its place. */
export class StageWorker {
  /** It serves the stages with these numbers. */
  readonly stages: readonly number[];
  readonly deaths = new DeathCount();
  readonly #start: StartEngine;
  readonly #events: StageWorkerEvents;
  readonly #requests: StageRequest[] = [];
  #engine: StageEngine | null = null;
  #starting: Promise<void> | null = null;
  #startedMs = 0;
  #startMs = 0;
  #isAlone = false;
  #isLeaving = false;
  #isKilled = false;
  #isClosing = false;
  /** Ends an engine that is starting. */
  readonly #stop = new AbortController();
  /** Resolves when the latest engine has ended. */
  #ended: Promise<void> = Promise.resolve();

  constructor(stages: readonly number[], start: StartEngine, events: StageWorkerEvents) {
    this.stages = stages;
    this.#start = start;
    this.#events = events;
  }

  get isReady(): boolean {
    return this.#engine !== null;
  }

  /** True while its engine loads the task. */
  get isStarting(): boolean {
    return this.#starting !== null;
  }

  /** The latest start of an engine took this long, or takes this long by now, ms. */
  get startMs(): number {
    return this.isStarting ? now() - this.#startedMs : this.#startMs;
  }

  /** True when it gets no further requests and ends when it has answered the last one. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** It has not answered these requests, the oldest of which is the first. */
  get requests(): readonly StageRequest[] {
    return this.#requests;
  }

  /** Tells whether it can take a request that is alone. */
  get isIdle(): boolean {
    return this.isReady && !this.#isLeaving && this.#requests.length === 0;
  }

  /** Tells whether it can take another request when it may have this many. */
  takes(maxRequests: number): boolean {
    return this.isReady && !this.#isLeaving && !this.#isAlone && this.#requests.length < maxRequests;
  }

  /** Starts an engine if it has none. Rejects with the reason why the stages cannot be opened. */
  open(): Promise<void> {
    if (this.isReady) return Promise.resolve();
    this.#starting ??= this.#open();
    return this.#starting;
  }

  /** Starts an engine where there is none, and reports when that fails. */
  replace(): void {
    if (this.#isKilled || this.#isLeaving) return;
    this.open().catch((cause: unknown) => this.#events.unopened(this, cause));
  }

  ask(request: StageRequest): void {
    this.#requests.push(request);
    this.#isAlone = request.isAlone;
    if (this.#requests.length === 1) begin(request, 1);
    (this.#engine as StageEngine).ask(request);
  }

  async report(): Promise<Usage> {
    await this.open();
    return (this.#engine as StageEngine).report();
  }

  /** Ends the engine if its request is the document with this index, and it does not answer in time. */
  cancel(index: number): void {
    this.#engine?.cancel(index);
  }

  /** Ends the engine at once, and does not start another one. */
  kill(): void {
    this.#isKilled = true;
    this.#stop.abort();
    this.#engine?.kill();
  }

  /** Gives it no further requests. It ends when it has answered the last one. */
  leave(): void {
    this.#isLeaving = true;
    if (this.#requests.length === 0) void this.close();
  }

  async close(): Promise<void> {
    this.#isLeaving = true;
    await this.#starting?.catch(() => {});
    const engine = this.#engine;
    if (engine === null || this.#isClosing) return this.#ended;
    this.#isClosing = true;
    if (this.#isKilled) await this.#ended;
    else await engine.close();
    this.#engine = null;
    this.#events.changed(this);
  }

  async #open(): Promise<void> {
    this.#startedMs = now();
    let resolveEnded = () => {};
    const ended = new Promise<void>((resolve) => {
      resolveEnded = resolve;
    });
    try {
      const events: EngineEvents<StageRequest> = {
        answered: (request, replies) => this.#answered(request, replies),
        ended: (end, unanswered) => {
          this.#engine = null;
          resolveEnded();
          this.#lost(end, unanswered);
        },
      };
      const engine = await this.#start(this.stages, events, this.#stop.signal);
      this.#engine = engine;
      this.#ended = ended;
      this.#startMs = now() - this.#startedMs;
    } finally {
      this.#starting = null;
    }
    this.#events.changed(this);
  }

  #answered(request: StageRequest, replies: RunReplies): void {
    this.#requests.shift();
    this.#isAlone = false;
    begin(request, -1);
    const [next] = this.#requests;
    if (next !== undefined) begin(next, 1);
    this.#events.answered(this, request, replies);
    if (this.#isLeaving && this.#requests.length === 0) void this.close();
  }

  #lost(end: EngineEnd, unanswered: readonly StageRequest[]): void {
    const [oldest] = this.#requests.splice(0);
    if (oldest !== undefined) begin(oldest, -1);
    this.#isAlone = false;
    this.#events.lost(this, end, unanswered);
  }
}

/** Counts the values of the call that a worker is in. Of several calls in a request, one is running. */
function begin({ stage, values, message }: StageRequest, sign: 1 | -1): void {
  const running = message.isBatch ? values : values.slice(0, 1);
  stage.running += sign * running.length;
  for (const { bytes } of running) stage.runningBytes += sign * bytes;
}
