import type { ServiceRefusals } from '../strategies/strategy.js';
import type { Answered } from './limit-protocol.js';
import { usualPauseMs } from './rate-limiter.js';

/** Counts what services have refused, as tasks report it with `context.limit.report`. */
export class Refusals {
  #requests = 0;
  #closedMs = 0;
  #closedUntilMs = Number.NEGATIVE_INFINITY;
  /** The headers of refusals name these limits. */
  readonly #limits = new Set<string>();

  see(answers: readonly Answered[], nowMs: number): void {
    for (const { isRefused, pauseMs, budgets } of answers) {
      if (!isRefused) continue;
      this.#requests++;
      const untilMs = nowMs + (pauseMs ?? usualPauseMs);
      this.#closedMs += Math.max(0, untilMs - Math.max(nowMs, this.#closedUntilMs));
      this.#closedUntilMs = Math.max(this.#closedUntilMs, untilMs);
      for (const { of, max, remaining } of budgets) if (remaining < 1) this.#limits.add(`${max} ${of}`);
    }
  }

  get report(): ServiceRefusals {
    return { requests: this.#requests, closedMs: this.#closedMs, limits: [...this.#limits] };
  }
}
