import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import type { Engine } from '../strategy.js';
import { threadWorker } from '../worker/worker-id.js';
import type { Control } from './claim-table.js';
import type { Arena } from './slab-queue.js';
import type { ArenaWorkerData, FromWorker, Outcomes, ToWorker } from './worker.js';

export interface LaneSetting {
  readonly workload: WorkloadRef;
  readonly control: Control;
  readonly arena: Arena;
  /** Of the worker in the claim table, and of the queue it claims from. */
  readonly number: number;
  readonly queue: number;
  readonly flush: { readonly documents: number; readonly bytes: number };
  /** Largest heap of the worker, MB. */
  readonly heapMb: number;
}

export interface LaneEvents {
  outcomes(lane: Lane, outcomes: Outcomes): void;
  /** The worker asks for a document that is too large for the arena: it is to be sent with `send`. */
  want(lane: Lane, slot: number): void;
  /** The thread has ended, and not by `close`; what it had reported has been told. */
  death(lane: Lane, cause: unknown): void;
}

/**
 * A thread that is told to end does so within milliseconds, unless it is in native code that does not come back. It then runs
 * no more JavaScript when it does, so that after this long it can be taken for ended.
 */
const graceMs = 1000;

/** So long the task's teardown may take. */
const closeGraceMs = 5000;

/** One worker thread. When it has ended it can be opened again. */
export class Lane {
  readonly number: number;
  readonly queue: number;
  readonly #setting: LaneSetting;
  readonly #events: LaneEvents;
  #opening: Promise<void> | null = null;
  #worker: Worker | null = null;
  /** Outcomes come by a port of their own, which can be read without waiting for the event loop. */
  #port: MessagePort | null = null;
  #workerId = '';
  #closing = false;
  /** Told to end at once; a new worker may take its place. */
  #killed = false;

  constructor(setting: LaneSetting, events: LaneEvents) {
    this.number = setting.number;
    this.queue = setting.queue;
    this.#setting = setting;
    this.#events = events;
  }

  /** As in outcomes; of the last worker, also when it has ended. */
  get workerId(): string {
    return this.#workerId;
  }

  /**
   * Resolves when the worker has loaded its workload; rejects with the reason it could not.
   * @param first slots that are the worker's already, to begin with
   */
  open(first: readonly number[] = []): Promise<void> {
    this.#opening ??= this.#start(first);
    return this.#opening;
  }

  /** Ends the worker whatever it does; its death is told as any other. */
  kill(): void {
    const worker = this.#worker;
    if (worker === null) return;
    this.#killed = true;
    void worker.terminate();
    setTimeout(() => this.#gone(worker), graceMs).unref();
  }

  /** Tells of all outcomes the worker has sent so far. */
  poll(): void {
    if (this.#port === null) return;
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: Outcomes } | undefined;
      if (received === undefined) return;
      this.#events.outcomes(this, received.message);
    }
  }

  send(slot: number, document: Document): void {
    this.#worker?.postMessage({ kind: 'document', slot, document } satisfies ToWorker);
  }

  /** Between runs alone: a worker answers when it has nothing to do. */
  async report(): Promise<Engine> {
    await this.open();
    const worker = this.#worker as Worker;
    return new Promise((resolve, reject) => {
      const heard = (message: FromWorker) => {
        if (message.kind !== 'report') return;
        worker.off('message', heard).off('exit', ended);
        resolve(message.engine);
      };
      const ended = (code: number) => reject(exited(code));
      worker.on('message', heard).once('exit', ended);
      worker.postMessage({ kind: 'report' } satisfies ToWorker);
    });
  }

  async close(): Promise<void> {
    if (this.#killed) return this.#ended;
    await this.#opening?.catch(() => {});
    const worker = this.#worker;
    if (worker === null) return;
    this.#closing = true;
    worker.postMessage({ kind: 'close' } satisfies ToWorker);
    const late = setTimeout(() => this.kill(), closeGraceMs);
    await this.#ended;
    clearTimeout(late);
  }

  /** Takes a worker for ended that has not said so. */
  #gone = (_worker: Worker) => {};
  /** Resolves when the last worker has ended, or was taken for it. */
  #ended: Promise<void> = Promise.resolve();

  async #start(first: readonly number[]): Promise<void> {
    const { workload, control, arena, number, queue, flush, heapMb } = this.#setting;
    const { port1: port, port2 } = new MessageChannel();
    const workerData = {
      workload,
      table: { shape: control.shape, memory: control.memory },
      arena: arena.memory,
      number,
      queue,
      flush,
      port: port2,
      first,
    } satisfies ArenaWorkerData;
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    this.#worker = worker;
    this.#killed = false;
    this.#workerId = threadWorker(worker.threadId);
    this.#port = port;
    port.on('message', (outcomes: Outcomes) => this.#events.outcomes(this, outcomes));
    let toldEnd = () => {};
    this.#ended = new Promise((resolve) => {
      toldEnd = resolve;
    });
    await new Promise<void>((resolve, reject) => {
      let ready = false;
      let error: unknown = null;
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'want') this.#events.want(this, message.slot);
        if (message.kind !== 'ready') return;
        ready = true;
        resolve();
      });
      worker.on('error', (cause) => {
        error = cause;
      });
      const gone = (cause: unknown) => {
        if (this.#worker !== worker) return; // was taken for ended before
        this.poll(); // all that the worker has sent is in the port by now
        port.close();
        this.#worker = null;
        this.#port = null;
        this.#opening = null;
        toldEnd();
        if (!ready) reject(cause);
        else if (!this.#closing) this.#events.death(this, cause);
      };
      this.#gone = (stuck) => {
        if (stuck !== worker || this.#worker !== worker) return;
        worker.unref(); // the process may end without it
        gone(new Error('worker thread did not end when told to'));
      };
      worker.on('exit', (code) => gone(error ?? exited(code)));
    });
  }
}

function exited(exitCode: number): Error {
  return Object.assign(new Error(`worker thread ended with exit code ${exitCode}`), { exitCode });
}
