import { clearTimeout, setTimeout } from 'node:timers';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { TaskServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { type MemoryLimit, threadEnd } from '../processes/limits.js';
import { copied } from '../session/owned.js';
import type { CarriedDocument } from '../session/reference.js';
import type { CallerEnd } from '../session/side-channel.js';
import { WorkerEnded } from '../session/task-error.js';
import { closeGraceMs } from '../session/teardown.js';
import type { Engine } from '../strategy.js';
import { threadWorker } from '../worker/worker-id.js';
import type { ClaimTable } from './claim-table.js';
import type { ArenaWorkerData, FromWorker, Outcomes, ToWorker } from './protocol.js';
import type { Arena } from './slab-queue.js';

export interface ThreadLaneOptions {
  readonly workload: WorkloadRef;
  readonly table: ClaimTable;
  readonly arena: Arena;
  /** The claim table knows the worker by this number. */
  readonly number: number;
  /** The queue that the worker claims from. */
  readonly queue: number;
  readonly flush: { readonly documents: number; readonly bytes: number };
  /** Largest heap of the worker; a larger one ends it. */
  readonly heap: MemoryLimit;
  readonly services: TaskServices;
  readonly timeoutMs: number | undefined;
  readonly callerEnd: CallerEnd;
}

export interface ThreadLaneEvents {
  outcomes(lane: ThreadLane, outcomes: Outcomes): void;
  /** The worker asks for an oversized document: `send` it. */
  want(lane: ThreadLane, slot: number): void;
  /** The thread has ended between two documents, because its heap was near its limit. */
  retired(lane: ThreadLane): void;
  /** The thread has ended, and not by `close`. All outcomes that it had sent have been passed on before. */
  death(lane: ThreadLane, cause: unknown): void;
}

/**
 * Time that a killed thread has to end, ms. It normally takes a few milliseconds, unless the thread is in
 * native code that does not return. Such a thread runs no more JavaScript if it ever returns, so it is
 * treated as ended after this time.
 */
const killGraceMs = 1000;

/** One worker thread. When the thread has ended, the lane can be opened again and then starts a new one. */
export class ThreadLane {
  readonly number: number;
  readonly queue: number;
  readonly #options: ThreadLaneOptions;
  readonly #events: ThreadLaneEvents;
  #opening: Promise<void> | null = null;
  #worker: Worker | null = null;
  /** Outcomes arrive at a port of their own, which can be read without waiting for the event loop. */
  #port: MessagePort | null = null;
  #workerId = '';
  #closing = false;
  /** True when the latest worker has ended between two documents, or is about to. */
  #retired = false;
  /** True when the worker has been killed; a new worker may replace it. */
  #killed = false;

  constructor(options: ThreadLaneOptions, events: ThreadLaneEvents) {
    this.number = options.number;
    this.queue = options.queue;
    this.#options = options;
    this.#events = events;
  }

  /** The worker's id in outcomes. It remains after the worker has ended, until a new one starts. */
  get workerId(): string {
    return this.#workerId;
  }

  /**
   * Resolves when the worker has loaded its workload; rejects with the reason why it could not.
   * @param first slots that are already assigned to the worker and that it runs first
   */
  open(first: readonly number[] = []): Promise<void> {
    this.#opening ??= this.#start(first);
    return this.#opening;
  }

  /** Ends the worker at once, whatever it is doing. Its death is reported like any other. */
  kill(): void {
    const worker = this.#worker;
    if (worker === null) return;
    this.#killed = true;
    void worker.terminate();
    setTimeout(() => this.#treatAsEnded(worker), killGraceMs).unref();
  }

  /** Passes on all outcomes that the worker has sent so far. */
  poll(): void {
    if (this.#port === null) return;
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: Outcomes } | undefined;
      if (received === undefined) return;
      this.#events.outcomes(this, received.message);
    }
  }

  /** Sends an oversized document; null when it was cancelled. */
  send(slot: number, document: CarriedDocument | null): void {
    const own = document && copied(document);
    this.#worker?.postMessage(
      { kind: 'document', slot, document: own } satisfies ToWorker,
      own === null ? [] : [own.bytes.buffer],
    );
  }

  /** Tells the worker that it may run more documents at the same time than before. */
  allowMore(): void {
    this.#worker?.postMessage({ kind: 'more' } satisfies ToWorker);
  }

  /** Asks the worker for its usage. Call it only between runs: a worker answers when it has nothing to do. */
  async report(): Promise<Engine> {
    await this.open();
    const worker = this.#worker as Worker;
    return new Promise((resolve, reject) => {
      const heard = (message: FromWorker | null) => {
        if (message?.kind !== 'report') return;
        worker.off('message', heard).off('exit', ended);
        resolve(message.engine);
      };
      // A worker that was near its limit may have ended by itself; the next one answers then.
      const ended = (code: number) => (this.#retired ? resolve(this.report()) : reject(exitError(code)));
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

  /** Treats a worker as ended that has not exited in time. */
  #treatAsEnded = (_worker: Worker) => {};
  /** Resolves when the latest worker has ended, or is treated as ended. */
  #ended: Promise<void> = Promise.resolve();

  async #start(first: readonly number[]): Promise<void> {
    const { workload, table, arena, number, queue, flush, heap, services, timeoutMs } = this.#options;
    const { port1: port, port2 } = new MessageChannel();
    const workerData = {
      workload,
      table: { shape: table.shape, memory: table.memory },
      arena: arena.memory,
      number,
      queue,
      flush,
      services,
      timeoutMs,
      port: port2,
      first,
    } satisfies ArenaWorkerData;
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: heap.mb },
    });
    this.#worker = worker;
    this.#killed = false;
    this.#workerId = threadWorker(worker.threadId);
    this.#port = port;
    port.on('message', (outcomes: Outcomes) => this.#events.outcomes(this, outcomes));
    let resolveEnded = () => {};
    this.#ended = new Promise((resolve) => {
      resolveEnded = resolve;
    });
    await new Promise<void>((resolve, reject) => {
      let ready = false;
      this.#retired = false;
      let error: unknown = null;
      // A task may send messages of its own to `parentPort`; they are ignored.
      worker.on('message', (message: FromWorker | null) => {
        if (message?.kind === 'retired') this.#retired = true;
        else if (message?.kind === 'want') this.#events.want(this, message.slot);
        else if (message?.kind === 'channel')
          this.#options.callerEnd.connectPort(message.worker, message.port);
        if (message?.kind !== 'ready') return;
        ready = true;
        resolve();
      });
      worker.on('error', (cause) => {
        error = threadEnd(cause, heap);
      });
      const onEnd = (cause: unknown) => {
        if (this.#worker !== worker) return; // it was treated as ended before
        this.poll(); // everything that the worker has sent is in the port by now
        port.close();
        this.#worker = null;
        this.#port = null;
        this.#opening = null;
        resolveEnded();
        if (!ready) reject(cause);
        else if (this.#closing) return;
        else if (this.#retired) this.#events.retired(this);
        else this.#events.death(this, cause);
      };
      this.#treatAsEnded = (stuck) => {
        if (stuck !== worker || this.#worker !== worker) return;
        worker.unref(); // the process may end without it
        onEnd(new Error(`worker thread was killed and did not end within ${killGraceMs} ms`));
      };
      worker.on('exit', (code) => onEnd(error ?? exitError(code)));
    });
  }
}

function exitError(exitCode: number): Error {
  return new WorkerEnded(`worker thread ended with exit code ${exitCode}`, { exitCode });
}
