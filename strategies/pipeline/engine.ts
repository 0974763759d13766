import type { Engine as EngineUsage, Member } from '../strategy.js';
import type { RunMessage, RunReplies } from './protocol.js';

/** A request to a worker: its message, and what the controller does not send. */
export interface EngineRequest {
  readonly message: RunMessage;
  /** Buffers in the message that are moved to a thread. */
  readonly moved: readonly ArrayBuffer[];
  /** A call of the request may take this long, ms; null where there is no limit. */
  readonly limitMs: number | null;
  /** Index of the only document, when that may be cancelled; else null. */
  readonly cancellable: number | null;
}

/** A thread or a process that runs stages for a worker, and which another one follows when it ends. */
export interface Engine<Request extends EngineRequest> {
  /** The engine has this name in outcomes. */
  readonly worker: string;
  /** Sends a request. Requests are answered in their order. */
  ask(request: Request): void;
  /** Asks for the usage. Call it only between runs. */
  report(): Promise<Usage>;
  /** Ends the engine if it has the document with this index and does not answer in time. */
  cancel(index: number): void;
  /** Ends the engine at once. `ended` is called later. */
  kill(): void;
  /** Lets the engine run its teardowns and end. `ended` is not called any more. */
  close(): Promise<void>;
}

export interface Usage {
  /** Null for a thread, which is part of the caller's process. */
  readonly member: Member | null;
  readonly engine: EngineUsage;
}

export interface EngineEvents<Request extends EngineRequest> {
  /** The engine has answered its oldest request. */
  answered(request: Request, replies: RunReplies): void;
  /**
   * The engine has ended, and not by `close`. Every answer that it had sent has been passed on before.
   * @param unanswered its requests, the oldest first
   */
  ended(end: EngineEnd, unanswered: readonly Request[]): void;
}

/** How an engine has ended, and what it was doing with its oldest request then. */
export interface EngineEnd {
  readonly cause: unknown;
  /** Why we have ended it; null when it ended by itself, or was ended from outside. */
  readonly killedFor: 'time' | 'cancelled' | 'close' | null;
  /** Calls of the oldest request that had ended, and whose replies are lost. */
  readonly callsEnded: number;
  /** Tells whether the call after those had begun. Null: it is not known. */
  readonly isRunning: boolean | null;
}
