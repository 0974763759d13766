import { clearTimeout, setTimeout } from 'node:timers';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { type MemoryLimit, threadEnd } from '../processes/limits.js';
import { cancelGrace } from '../session/cancelling.js';
import { abortGraceMs } from '../session/outcome.js';
import type { CallerEnd } from '../session/side-channel.js';
import type { ChannelPort } from '../session/side-channel-protocol.js';
import { WorkerEnded } from '../session/task-error.js';
import { closeGraceMs } from '../session/teardown.js';
import { threadWorker } from '../worker/worker-id.js';
import { Board } from './board.js';
import type { CallWatch, Watched } from './call-watch.js';
import type { Engine, EngineEnd, EngineEvents, EngineRequest, Usage } from './engine.js';
import type { FromStage, StageDescription, StageStart, ThreadStart, ToStage } from './protocol.js';

export interface ThreadEngineOptions {
  readonly start: StageStart;
  readonly heap: MemoryLimit;
  readonly callerEnd: CallerEnd;
  readonly watch: CallWatch;
}

/**
 * Time that a killed thread has to end, ms. One that is in native code runs no more JavaScript if it ever
 * returns, so it is treated as ended after this time.
 */
const killGraceMs = 1000;

/** A worker thread that serves stages. */
export class ThreadEngine<Request extends EngineRequest> implements Engine<Request>, Watched {
  readonly worker: string;
  /** Resolves with the stages that there are, where the thread was not told which to serve. */
  readonly described: Promise<readonly StageDescription[] | null>;
  /** Resolves when the stages are open; rejects with the reason why they are not. */
  readonly ready: Promise<void>;
  readonly #options: ThreadEngineOptions;
  readonly #events: EngineEvents<Request>;
  readonly #thread: Worker;
  readonly #port: MessagePort;
  readonly #board = new Board();
  readonly #waiting: Request[] = [];
  /** This many requests have been answered. */
  #answered = 0;
  #isReady = false;
  #error: unknown = null;
  #killedFor: EngineEnd['killedFor'] = null;
  /** The board said this when the thread was killed because of its time. */
  #late: { readonly requests: number; readonly ended: number } | null = null;
  #closing = false;
  #hasEnded = false;
  #describe: (stages: readonly StageDescription[] | null) => void = () => {};
  #opened: () => void = () => {};
  #failed: (cause: unknown) => void = () => {};
  #reported: ((usage: Usage) => void) | null = null;
  #resolveEnd: () => void = () => {};
  readonly #end = new Promise<void>((resolve) => {
    this.#resolveEnd = resolve;
  });

  constructor(options: ThreadEngineOptions, events: EngineEvents<Request>) {
    this.#options = options;
    this.#events = events;
    const { start, heap, callerEnd, watch } = options;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.described = new Promise((resolve) => {
      this.#describe = resolve;
    });
    this.ready = new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#failed = reject;
    });
    this.#thread = new Worker(new URL('./worker/thread.js', import.meta.url), {
      workerData: { ...start, port: port2, board: this.#board.memory } satisfies ThreadStart,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: heap.mb },
    });
    this.worker = threadWorker(this.#thread.threadId);
    port1.on('message', (message: FromStage) => this.#take(message));
    // A task may send messages of its own to `parentPort`; they are ignored.
    this.#thread.on('message', (message: ChannelPort | null) => {
      if (message?.kind === 'channel') callerEnd.connectPort(message.worker, message.port);
    });
    this.#thread.on('error', (cause) => {
      this.#error = threadEnd(cause, heap);
    });
    this.#thread.on('exit', (exitCode) => {
      const end = new WorkerEnded(`worker thread ended with exit code ${exitCode}`, { exitCode });
      this.#onEnd(this.#error ?? end);
    });
    watch.add(this);
  }

  /** Tells a thread that has described its stages which of them it serves. */
  open(stages: readonly number[]): void {
    this.#send({ kind: 'open', stages });
  }

  ask(request: Request): void {
    this.#waiting.push(request);
    this.#send(request.message, request.moved);
  }

  report(): Promise<Usage> {
    return new Promise((resolve, reject) => {
      this.#reported = resolve;
      void this.#end.then(() => reject(this.#error ?? new WorkerEnded('the worker thread has ended')));
      this.#send({ kind: 'report' });
    });
  }

  cancel(index: number): void {
    const request = this.#waiting.find(({ cancellable }) => cancellable === index);
    if (request === undefined) return;
    setTimeout(() => {
      if (this.#waiting.includes(request)) this.#kill('cancelled');
    }, cancelGrace.ms).unref();
  }

  kill(): void {
    this.#kill('close');
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#send({ kind: 'close' });
    const late = setTimeout(() => this.#kill('close'), closeGraceMs);
    await this.#end;
    clearTimeout(late);
  }

  /** Ends the thread when its call has taken too long. */
  look(nowMs: number): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined || oldest.limitMs === null || this.#killedFor !== null) return;
    const { requests, ended, startedMs } = this.#board;
    if (startedMs === 0 || requests !== this.#answered + 1) return;
    if (nowMs - startedMs < oldest.limitMs + abortGraceMs) return;
    this.#late = { requests, ended };
    this.#kill('time');
  }

  #kill(reason: EngineEnd['killedFor']): void {
    if (this.#hasEnded) return;
    this.#killedFor ??= reason;
    void this.#thread.terminate();
    setTimeout(() => {
      if (this.#hasEnded) return;
      this.#thread.unref(); // the process may end without it
      this.#onEnd(new Error(`worker thread was killed and did not end within ${killGraceMs} ms`));
    }, killGraceMs).unref();
  }

  #send(message: ToStage, moved: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, moved);
  }

  #take(message: FromStage): void {
    if (message.kind === 'replies') {
      this.#answered++;
      this.#events.answered(this.#waiting.shift() as Request, message);
    } else if (message.kind === 'ready') {
      this.#isReady = true;
      this.#opened();
    } else if (message.kind === 'described') this.#describe(message.stages);
    else if (message.kind === 'report') this.#reported?.({ member: null, engine: message.engine });
  }

  #onEnd(cause: unknown): void {
    if (this.#hasEnded) return; // it was treated as ended before
    for (;;) {
      // Everything that the thread has sent is in the port by now.
      const received = receiveMessageOnPort(this.#port) as { message: FromStage } | undefined;
      if (received === undefined) break;
      this.#take(received.message);
    }
    this.#hasEnded = true;
    this.#port.close();
    this.#options.watch.remove(this);
    this.#error ??= cause;
    this.#resolveEnd();
    if (!this.#isReady) this.#failed(cause);
    else if (!this.#closing) this.#events.ended(this.#endOf(cause), this.#waiting.splice(0));
  }

  #endOf(cause: unknown): EngineEnd {
    const { requests, ended, startedMs } = this.#board;
    const hasBegun = requests > this.#answered;
    // It was killed because of a call that has ended in the meantime.
    const isOther = this.#late !== null && (this.#late.requests !== requests || this.#late.ended !== ended);
    return {
      cause,
      killedFor: isOther ? 'close' : this.#killedFor,
      callsEnded: hasBegun ? ended : 0,
      isRunning: hasBegun && startedMs > 0,
    };
  }
}
