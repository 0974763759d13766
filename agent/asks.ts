import type { FromAgent } from '../strategies/broker/protocol.js';
import type { ToTask } from '../strategies/session/side-channel-protocol.js';
import { errorOf } from '../strategies/session/task-error.js';

/** Carries what tasks ask to the caller, and its answers back to the tasks. */
export class Asks {
  readonly #post: (message: FromAgent) => Promise<boolean>;
  readonly #agent: string;
  readonly #pending = new Map<number, { resolve(answer: unknown): void; reject(cause: unknown): void }>();
  #next = 0;
  #closed: Error | null = null;

  constructor(agent: string, post: (message: FromAgent) => Promise<boolean>) {
    this.#agent = agent;
    this.#post = post;
  }

  async ask(request: unknown, worker: string): Promise<unknown> {
    if (this.#closed !== null) throw this.#closed;
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    answer.catch(() => {}); // it may be rejected before the message is posted
    try {
      await this.#post({ kind: 'ask', agent: this.#agent, worker, request: { kind: 'ask', id, request } });
      return await answer;
    } finally {
      this.#pending.delete(id);
    }
  }

  settle(message: Extract<ToTask, { readonly kind: 'answer' | 'refusal' }>): void {
    const pending = this.#pending.get(message.id);
    if (message.kind === 'answer') pending?.resolve(message.answer);
    else pending?.reject(errorOf(message.error));
  }

  /** Rejects all requests, and each later one. */
  close(): void {
    this.#closed ??= new Error('the session was closed before the answer');
    for (const { reject } of this.#pending.values()) reject(this.#closed);
  }
}
