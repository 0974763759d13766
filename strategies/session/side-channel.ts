import type { ChildProcess } from 'node:child_process';
import type { MessagePort } from 'node:worker_threads';
import type { SessionCache } from '../../services/cache/cache-facts.js';
import type { CallerClaims } from '../../services/cache/open-claims.js';
import {
  type InnerChannel,
  type LimitEnd,
  LimitServer,
  type LimitServices,
  type LimitWire,
} from '../../services/limit-server.js';
import { Refusals } from '../../services/refusals.js';
import type { Fallback, OpenOptions, ServiceRefusals, SideChannel } from '../strategy.js';
import { now } from '../worker/clock.js';
import { sendCloned } from '../worker/cloneable.js';
import { processWorker } from '../worker/worker-id.js';
import type { ChannelEnvelope, FromTask, ToTask } from './side-channel-protocol.js';
import { taskError } from './task-error.js';

/** Carries messages to one connected worker, or to several. */
export interface WorkerWire {
  send(message: ToTask): void;
  /** False where the worker is on another machine, whose clock is another. Absent: it is on this one. */
  readonly sharesClock?: false;
  close(): void;
}

/** The caller has these options for the services that tasks call. */
export type CallerServices = Pick<OpenOptions, 'fallback' | 'cache'> & LimitServices;

/** The caller's end of a session's side channel, for all its workers: see `side-channel-protocol.ts`. */
export class CallerEnd {
  readonly #channel: SideChannel;
  readonly #services: CallerServices;
  /** Null where results are not kept. */
  readonly #claims: Promise<CallerClaims> | null;
  #limits: LimitEnd | null = null;
  readonly #refusals = new Refusals();
  readonly #wires = new Set<WorkerWire>();
  /** The latest broadcast, for workers that connect later. */
  #latest: { readonly message: unknown } | null = null;
  #cancelledMs: number | null = null;
  /** Documents whose signals are to abort, for workers that connect later. */
  readonly #dropped = new Set<number>();
  #closed = false;

  /** @param services the caller's options for the services that tasks call */
  constructor(channel: SideChannel = {}, services: CallerServices = {}) {
    this.#channel = channel;
    this.#services = services;
    this.#claims = services.cache === undefined ? null : claimsIn(services.cache.claims);
  }

  /** The document's worker has ended, so the claims that the document has are over. */
  freeClaims(document: { readonly index: number; readonly id: string }): void {
    void this.#claims?.then((claims) => claims.end(document));
  }

  /** A worker has ended, and with it results that it has not written. */
  freeUnwritten(): void {
    void this.#claims?.then((claims) => claims.endUnwritten());
  }

  get refusals(): ServiceRefusals {
    return this.#refusals.report;
  }

  /** The value of documents that fail for good; null where they have failed. */
  get fallback(): Fallback | null {
    return this.#services.fallback ?? null;
  }

  /**
   * A worker has connected.
   * @returns what to call with each of its messages, and what to call when it has ended. A wire that several
   * workers share names the one that has sent the message.
   */
  connect(
    worker: string,
    wire: WorkerWire,
  ): { readonly receive: (message: FromTask, from?: string) => void; readonly ended: () => void } {
    if (this.#closed) wire.close();
    else this.#wires.add(wire);
    const limitWire: LimitWire = {
      send: (worker, answer) => wire.send({ kind: 'limit', worker, answer }),
      sharesClock: wire.sharesClock ?? true,
    };
    this.#limitEnd().connect(limitWire);
    if (this.#latest !== null) wire.send({ kind: 'broadcast', message: this.#latest.message });
    if (this.#cancelledMs !== null) wire.send({ kind: 'cancel', atMs: this.#cancelledMs });
    for (const index of this.#dropped) wire.send({ kind: 'drop', index });
    return {
      receive: (message, from = worker) => {
        if (message.kind === 'limit') {
          const { answers } = message.request;
          if (answers !== undefined) this.#refusals.see(answers, now());
          this.#limitEnd().receive(limitWire, from, message.request);
        } else void this.#answer({ worker: from, wire, id: message.id, request: message.request });
      },
      ended: () => {
        this.#wires.delete(wire);
        this.#limits?.disconnect(limitWire);
      },
    };
  }

  /** A worker thread has connected with a port of its own. */
  connectPort(worker: string, port: MessagePort): void {
    const { receive, ended } = this.connect(worker, {
      send: (message) => port.postMessage(message),
      close: () => port.close(),
    });
    port.on('message', receive);
    port.on('close', ended);
    port.unref(); // the run keeps the caller alive, not this
  }

  /**
   * Sends a message to all tasks that listen. Tasks that listen later get the latest message.
   * @throws DataCloneError when the message cannot be cloned; Error when the session is closed.
   */
  broadcast(message: unknown): void {
    if (this.#closed) throw new Error('expected an open session to broadcast in, and this one is closed');
    const copy: unknown = structuredClone(message);
    this.#latest = { message: copy };
    for (const wire of this.#wires) wire.send({ kind: 'broadcast', message: copy });
  }

  /**
   * Aborts the signals of all documents that began before `atMs`, and of documents that begin until
   * `resume`.
   */
  cancel(atMs: number): void {
    this.#cancelledMs = atMs;
    for (const wire of this.#wires) wire.send({ kind: 'cancel', atMs });
  }

  /** The cancelled run has ended. */
  resume(): void {
    if (this.#cancelledMs === null) return;
    this.#cancelledMs = null;
    for (const wire of this.#wires) wire.send({ kind: 'resume' });
  }

  /** Aborts the signal of one document, now or when it begins. */
  drop(index: number): void {
    this.#dropped.add(index);
    for (const wire of this.#wires) wire.send({ kind: 'drop', index });
  }

  /** The dropped document has its outcome. */
  forget(index: number): void {
    this.#dropped.delete(index);
    for (const wire of this.#wires) wire.send({ kind: 'forget', index });
  }

  /** No request is passed on any more, and the pending ones are rejected. */
  close(): void {
    this.#closed = true;
    // The session of an agent, or of a process with threads, shares the file with others.
    if (!('limits' in this.#channel)) void this.#claims?.then((claims) => claims.close());
    this.#limits?.close();
    for (const wire of this.#wires) {
      wire.send({ kind: 'close' });
      wire.close();
    }
    this.#wires.clear();
  }

  #limitEnd(): LimitEnd {
    this.#limits ??= (this.#channel as InnerChannel).limits ?? new LimitServer(this.#services, now);
    return this.#limits;
  }

  async #answer({ worker, wire, id, request }: Asked): Promise<void> {
    if (this.#closed) return;
    try {
      const { onRequest } = this.#channel;
      if (onRequest === undefined)
        throw new Error('expected the caller to answer requests, but it gave no `channel.onRequest`');
      const answer: unknown = await onRequest(request, { worker });
      if (this.#wires.has(wire)) wire.send({ kind: 'answer', id, answer });
    } catch (cause) {
      if (this.#wires.has(wire)) wire.send({ kind: 'refusal', id, error: taskError(cause) });
    }
  }
}

/** Few sessions have a cache, so its modules are loaded here. */
async function claimsIn(place: SessionCache['claims']): Promise<CallerClaims> {
  const { CallerClaims } = await import('../../services/cache/open-claims.js');
  return new CallerClaims(place);
}

/**
 * Connects a child process when it says so: the child's messages carry the side channel's in envelopes. The
 * strategy's own listener must ignore the envelopes.
 */
export function connectChild(callerEnd: CallerEnd, child: ChildProcess): void {
  let connection: ReturnType<CallerEnd['connect']> | null = null;
  child.on('message', (envelope: Partial<ChannelEnvelope<FromTask>> | null) => {
    if (envelope?.kind !== 'channel') return;
    connection ??= callerEnd.connect(processWorker(child.pid as number), {
      send(message) {
        const sent: ChannelEnvelope<ToTask> = { kind: 'channel', message };
        // A child whose channel is cut has ended, or ends soon.
        if (child.connected) sendCloned(() => child.send(sent, ignore));
      },
      close() {},
    });
    if (envelope.message) connection.receive(envelope.message, envelope.message.worker);
  });
  child.once('exit', () => connection?.ended());
}

const ignore = () => {};

interface Asked {
  readonly worker: string;
  readonly wire: WorkerWire;
  readonly id: number;
  readonly request: unknown;
}
