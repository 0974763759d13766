import type { ContextLimit, ServiceResponse } from '../workloads/workload.js';
import { isRefusal, readHeaders } from './headers.js';
import type { LimitClient } from './limit-client.js';
import type { TakenSlot } from './limits.js';

/** The limits as the task of one document sees them. */
export class DocumentLimit implements ContextLimit {
  readonly #client: LimitClient;
  readonly #signal: () => AbortSignal;
  readonly #now: () => number;
  /** The document's own slot, which the task's first request takes; null when there is none any more. */
  #own: TakenSlot | null;
  /** Slots whose requests were not reported yet; null while there is none. */
  #slots: TakenSlot[] | null = null;
  /** The task has waited this long for slots, ms. */
  waitedMs = 0;

  constructor(
    client: LimitClient,
    { signal, now, own }: { signal: () => AbortSignal; now: () => number; own: TakenSlot | null },
  ) {
    this.#client = client;
    this.#signal = signal;
    this.#now = now;
    this.#own = own;
  }

  acquire({ tokens = 0 }: { readonly tokens?: number } = {}): Promise<void> {
    this.#client.tasksAcquire = true;
    if (this.#own !== null && tokens === 0) {
      this.#note(this.#own);
      this.#own = null;
      return atOnce;
    }
    const slot = this.#client.acquireNow(tokens);
    if (slot === null) return this.#wait(tokens);
    if (slot.id !== 0) this.#note(slot);
    return atOnce;
  }

  report(response: ServiceResponse, { tokens = null }: { readonly tokens?: number | null } = {}): void {
    // These throw where the answer cannot be read, and the slot is then still there for `finish`.
    const facts = readHeaders(response.headers, Date.now());
    const isRefused = isRefusal(response.status ?? response.statusCode, facts);
    const slot = this.#slots?.shift() ?? this.#own;
    if (slot === this.#own) this.#own = null;
    const { budgets } = facts;
    const pauseMs = facts.pauseMs ?? facts.resetMs;
    const tookMs = slot === null ? null : this.#now() - slot.usedMs;
    // Most answers say nothing but that they have come.
    if (!isRefused && tokens === null && budgets.length === 0 && !slot?.isProbe) {
      if (slot !== null && tookMs !== null) this.#client.done({ id: slot.id, tookMs });
    } else this.#client.answered({ id: slot?.id ?? null, tookMs, tokens, isRefused, pauseMs, budgets });
  }

  /**
   * The document has its outcome: requests that the task has not reported were answered, or never will be.
   */
  finish(): void {
    if (this.#own !== null) this.#note(this.#own);
    if (this.#slots === null) return;
    const nowMs = this.#now();
    for (const { id, usedMs, isProbe } of this.#slots) {
      const tookMs = nowMs - usedMs;
      if (!isProbe) this.#client.done({ id, tookMs });
      else this.#client.answered({ id, tookMs, tokens: null, isRefused: false, pauseMs: null, budgets: [] });
    }
  }

  async #wait(tokens: number): Promise<void> {
    const startedMs = this.#now();
    try {
      const slot = await this.#client.acquire(tokens, this.#signal());
      if (slot.id !== 0) this.#note(slot);
    } finally {
      this.waitedMs += this.#now() - startedMs;
    }
  }

  #note(slot: TakenSlot): void {
    this.#slots ??= [];
    this.#slots.push(slot);
  }
}

const atOnce = Promise.resolve();
