import type { LimitAnswer, LimitRequest } from '../services/limit-protocol.js';
import type { LimitEnd, LimitWire } from '../services/limit-server.js';
import type { FromAgent } from '../strategies/broker/protocol.js';
import { now } from '../strategies/worker/clock.js';

/** Carries what workers say about limits of services to the caller, which decides, and its answers back. */
export class ForwardedLimits implements LimitEnd {
  readonly #post: (message: FromAgent) => Promise<boolean>;
  readonly #agent: string;
  readonly #wires = new Set<LimitWire>();
  readonly #workers = new Map<string, LimitWire>();
  /** The latest word for all workers, for workers that connect later. */
  #latest: { readonly answer: LimitAnswer; readonly heardMs: number } = {
    answer: { clockMs: 0 },
    heardMs: now(),
  };

  constructor(agent: string, post: (message: FromAgent) => Promise<boolean>) {
    this.#agent = agent;
    this.#post = post;
  }

  connect(wire: LimitWire): void {
    this.#wires.add(wire);
    const { answer, heardMs } = this.#latest;
    // The caller's clock has gone on since then.
    wire.send(null, { ...answer, clockMs: answer.clockMs + now() - heardMs });
  }

  disconnect(wire: LimitWire): void {
    this.#wires.delete(wire);
    for (const [worker, own] of this.#workers) {
      if (own !== wire) continue;
      this.#workers.delete(worker);
      this.#forward(worker, { clockMs: now(), ended: true });
    }
  }

  receive(wire: LimitWire, worker: string, request: LimitRequest): void {
    this.#workers.set(worker, wire);
    this.#forward(worker, request);
  }

  #forward(worker: string, request: LimitRequest): void {
    this.#post({ kind: 'ask', agent: this.#agent, worker, request: { kind: 'limit', request } }).catch(
      () => {}, // the broker refuses it, and the member is about to leave
    );
  }

  /** @param worker the worker's name at the caller, which begins with the agent's; null for all workers */
  answer(worker: string | null, answer: LimitAnswer): void {
    if (worker === null) {
      this.#latest = { answer, heardMs: now() };
      for (const wire of this.#wires) wire.send(null, answer);
    } else {
      const own = worker.slice(this.#agent.length + 1);
      this.#workers.get(own)?.send(own, answer);
    }
  }

  close(): void {
    this.#wires.clear();
    this.#workers.clear();
  }
}
