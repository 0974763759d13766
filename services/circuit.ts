import type { Outcome } from '../strategies/strategy.js';

/** After this many documents in a row that a service has failed, none of the next ones would be better. */
const maxFailures = 20;

/** The service asks for a longer wait than a job accepts. */
export const serviceClosed = 'ServiceClosedError';

/**
 * Notices that a service fails every document. A document counts when its task marks the error as retryable,
 * when it was tried again, or when the error has a status of HTTP that says so.
 */
export class Circuit {
  #failures = 0;
  #last: string | null = null;

  /** The latest error once the circuit is open; null before. */
  get reason(): string | null {
    return this.#failures >= maxFailures ? this.#last : null;
  }

  /** Returns true when the circuit is open. */
  see(outcome: Outcome): boolean {
    const { error, tries = 1 } = outcome;
    if (error === undefined) this.#failures = 0;
    else if (isOfService(error.name, error.data) || tries > 1) {
      this.#failures++;
      this.#last = `${error.name}: ${error.message}`;
    }
    return this.#failures >= maxFailures;
  }
}

function isOfService(name: string, data: Readonly<Record<string, unknown>> = {}): boolean {
  const { retryable, status, statusCode } = data;
  const code = Number(status ?? statusCode);
  return name === serviceClosed || retryable === true || code === 429 || code >= 500;
}
