import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import type { ArenaWorkerData, FromWorker, Outcomes, ToWorker } from '../entries/arena.js';
import type { Engine } from '../strategy.js';
import type { Arena } from './bay.js';
import type { Control } from './control.js';

export interface LaneSetting {
  readonly workload: WorkloadRef;
  readonly control: Control;
  readonly arena: Arena;
  /** Of the worker in the claim table, and of the queue it claims from. */
  readonly number: number;
  readonly queue: number;
  readonly flush: { readonly documents: number; readonly bytes: number };
}

export interface LaneEvents {
  outcomes(lane: Lane, outcomes: Outcomes): void;
  /** The worker asks for a document that is too large for the arena: it is to be sent with `send`. */
  want(lane: Lane, slot: number): void;
  /** The thread has ended, and not by `close`; what it had reported has been told. */
  death(lane: Lane, cause: unknown): void;
}

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
  #threadId = 0;
  #closing = false;

  constructor(setting: LaneSetting, events: LaneEvents) {
    this.number = setting.number;
    this.queue = setting.queue;
    this.#setting = setting;
    this.#events = events;
  }

  /** As in outcomes; of the last worker, also when it has ended. */
  get threadId(): number {
    return this.#threadId;
  }

  /** Resolves when the worker has loaded its workload; rejects with the reason it could not. */
  open(): Promise<void> {
    this.#opening ??= this.#start();
    return this.#opening;
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
    await this.#opening?.catch(() => {});
    const worker = this.#worker;
    if (worker === null) return;
    this.#closing = true;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage({ kind: 'close' } satisfies ToWorker);
    await ended;
  }

  async #start(): Promise<void> {
    const { workload, control, arena, number, queue, flush } = this.#setting;
    const { port1: port, port2 } = new MessageChannel();
    const workerData = {
      workload,
      table: { shape: control.shape, memory: control.memory },
      arena: arena.memory,
      number,
      queue,
      flush,
      port: port2,
    } satisfies ArenaWorkerData;
    const worker = new Worker(new URL('../entries/arena.js', import.meta.url), { workerData, transferList: [port2] });
    this.#worker = worker;
    this.#threadId = worker.threadId;
    this.#port = port;
    port.on('message', (outcomes: Outcomes) => this.#events.outcomes(this, outcomes));
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
      worker.on('exit', (code) => {
        this.poll(); // all that the worker has sent is in the port by now
        port.close();
        this.#worker = null;
        this.#port = null;
        this.#opening = null;
        const cause = error ?? exited(code);
        if (!ready) reject(cause);
        else if (!this.#closing) this.#events.death(this, cause);
      });
    });
  }
}

function exited(code: number): Error {
  return new Error(`worker thread ended with exit code ${code}`);
}
