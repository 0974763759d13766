import { LimitClient } from '../../services/limit-client.js';
import type { LimitAnswer } from '../../services/limit-protocol.js';
import type { TaskServices } from '../../services/task-services.js';
import { now } from './clock.js';
import { closedError } from './document-context.js';
import type { TaskEnd } from './task-end.js';

/** A worker's limits, which are connected with the caller when a task first uses them. */
export class TaskLimits {
  readonly #services: TaskServices;
  readonly #hasCaller: boolean;
  #client: LimitClient | null = null;

  constructor(services: TaskServices, hasCaller: boolean) {
    this.#services = services;
    this.#hasCaller = hasCaller;
  }

  /** Returns the worker's end of the limits, after it has read what the caller has said. */
  open(end: TaskEnd): LimitClient {
    const client = this.#clientOf(end);
    end.open();
    return client;
  }

  /**
   * Takes what the caller says. Its first word comes when the worker connects, which a task that only reads
   * its signal does, too: the limits must know it when they are used later.
   */
  receive(answer: LimitAnswer, end: TaskEnd): void {
    this.#clientOf(end).receive(answer);
  }

  close(): void {
    this.#client?.close(closedError());
  }

  #clientOf(end: TaskEnd): LimitClient {
    this.#client ??= new LimitClient({
      ...this.#services,
      hasCaller: this.#hasCaller,
      now,
      send: (request) => end.sendLimit(request),
    });
    return this.#client;
  }
}
