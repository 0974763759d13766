import { serviceClosed } from '../../services/circuit.js';
import { thrown } from '../../services/retry.js';
import type { AnyDocument, Outcome } from '../../strategies/strategy.js';

/** The service has failed this document. It has this outcome unless it runs again. */
export interface Failed {
  readonly document: AnyDocument;
  readonly outcome: Outcome;
}

/** Documents that the service has failed and that have no outcome yet. */
export class FailedDocuments {
  /** Failures before the circuit has opened. */
  readonly #held: Failed[] = [];
  /** These documents are given again. */
  readonly #again: Failed[] = [];
  /** The last outcomes of documents that were given again and are running, by index. */
  readonly #before = new Map<number, Outcome>();

  get isEmpty(): boolean {
    return this.#before.size === 0 && this.#held.length === 0 && this.#again.length === 0;
  }

  /** True when a document is to be given again. */
  get hasNext(): boolean {
    return this.#again.length > 0;
  }

  /** Keeps the failure while it is not known whether the service works. */
  hold(failed: Failed): void {
    this.#held.push(failed);
  }

  giveAgain(failed: Failed): void {
    this.#again.push(failed);
  }

  giveHeldAgain(): void {
    this.#again.push(...this.#held.splice(0));
  }

  /** Takes the next document to give again. Call it only if `hasNext`. */
  next(): AnyDocument {
    const { document, outcome } = this.#again.shift() as Failed;
    this.#before.set(document.index, outcome);
    return document;
  }

  isRepeated(index: number): boolean {
    return this.#before.has(index);
  }

  /** The document has run. Returns its outcome with the tries and waits of the times before. */
  ended(outcome: Outcome): Outcome {
    const before = this.#before.get(outcome.index);
    this.#before.delete(outcome.index);
    return before === undefined ? outcome : withTries(outcome, before);
  }

  /** The document is not given again. Returns its outcome; null where it does not wait. */
  remove(index: number): Outcome | null {
    for (const waiting of [this.#held, this.#again]) {
      const at = waiting.findIndex(({ document }) => document.index === index);
      if (at >= 0) return (waiting.splice(at, 1)[0] as Failed).outcome;
    }
    return null;
  }

  /** Removes the failures that are held, and returns them. */
  takeHeld(): Outcome[] {
    return this.#held.splice(0).map(({ outcome }) => outcome);
  }

  /** Removes every failure that waits, and returns them. */
  takeAll(): Outcome[] {
    return [...this.takeHeld(), ...this.#again.splice(0).map(({ outcome }) => outcome)];
  }
}

/** Adds the tries and waits of the times before. A document that was refused here has not been tried. */
function withTries(outcome: Outcome, before: Outcome): Outcome {
  const tries = triesOf(before) + triesOf(outcome);
  const waitedMs = (before.waitedMs ?? 0) + (outcome.waitedMs ?? 0);
  const { tries: _, ...rest } = outcome;
  return { ...rest, ...(tries > 1 && { tries }), ...(waitedMs > 0 && { waitedMs }) };
}

function triesOf({ tries = 1, error }: Outcome): number {
  return error !== undefined && thrown(error).name === serviceClosed ? tries - 1 : tries;
}
