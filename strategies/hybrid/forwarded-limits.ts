import type { LimitAnswer, LimitRequest } from '../../services/limit-protocol.js';
import type { LimitEnd, LimitWire } from '../../services/limit-server.js';
import { now } from '../worker/clock.js';

/**
 * Carries what the threads of a process say about limits of services to the caller, which decides, and its
 * answers back. All have one clock.
 */
export class ForwardedLimits implements LimitEnd {
  readonly #send: (request: LimitRequest, worker: string) => void;
  readonly #wires = new Set<LimitWire>();
  readonly #workers = new Map<string, LimitWire>();
  /** The latest word for all workers, for workers that connect later. */
  #latest: LimitAnswer | null = null;

  constructor(send: (request: LimitRequest, worker: string) => void) {
    this.#send = send;
  }

  connect(wire: LimitWire): void {
    this.#wires.add(wire);
    const clockMs = now();
    wire.send(null, { ...this.#latest, clockMs });
  }

  disconnect(wire: LimitWire): void {
    this.#wires.delete(wire);
    for (const [worker, own] of this.#workers) {
      if (own !== wire) continue;
      this.#workers.delete(worker);
      this.#send({ clockMs: now(), ended: true }, worker);
    }
  }

  receive(wire: LimitWire, worker: string, request: LimitRequest): void {
    this.#workers.set(worker, wire);
    this.#send(request, worker);
  }

  /** @param worker the thread's name in this process; null for all */
  answer(worker: string | null, answer: LimitAnswer): void {
    if (worker !== null) this.#workers.get(worker)?.send(worker, answer);
    else {
      this.#latest = answer;
      for (const wire of this.#wires) wire.send(null, answer);
    }
  }

  close(): void {
    this.#wires.clear();
    this.#workers.clear();
  }
}
