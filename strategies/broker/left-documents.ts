import type { CarriedDocument } from '../session/reference.js';
import type { Outcome } from '../strategy.js';
import { now } from '../worker/clock.js';
import { decodeBatch } from './batch-blob.js';
import { type Expected, SentBatch } from './batches.js';
import type { LeftBatch } from './engine.js';
import type { Results } from './protocol.js';

/**
 * The documents that an earlier caller of the run has sent, and whose outcomes it has not emitted. When this
 * caller's source brings a document with the same id, it gets the outcome of the earlier one, which may have
 * come already or comes later. These batches and their results are removed with the run, and not before: when
 * this caller ends, too, the next one gets them again.
 */
export class LeftDocuments {
  /** The first number that no earlier batch has. */
  readonly nextBatch: number;
  readonly lastPass: number;
  readonly #batches = new Map<number, SentBatch>();
  /** The documents that have not been claimed, by id. */
  readonly #documents = new Map<string, LeftDocument[]>();

  constructor(left: readonly LeftBatch[]) {
    let lastPass = 0;
    for (const { batch, blob } of left) {
      const { pass, documents } = decodeBatch(blob);
      lastPass = Math.max(lastPass, pass);
      const expected: Expected[] = documents.map(({ id }, index) => ({ index, id, pulledMs: now() }));
      this.#batches.set(batch, new SentBatch(expected, blob));
      for (const { id } of expected) this.#leave(id);
    }
    this.nextBatch = left.reduce((next, { batch }) => Math.max(next, batch + 1), 0);
    this.lastPass = lastPass;
  }

  /** Returns the promise of the outcome of an earlier document with this id; null when there is none. */
  claim({ index, id }: CarriedDocument): Promise<Outcome> | null {
    if (this.#documents.size === 0) return null;
    const found = this.#documents.get(id);
    const document = found?.find(({ isClaimed }) => !isClaimed);
    if (document === undefined) return null;
    document.isClaimed = true;
    return document.outcome.then((outcome) => ({ ...outcome, index }));
  }

  /** Takes results of an earlier batch. Returns false when the batch is none of these. */
  receive({ agent, batch, rows }: Results): boolean {
    const sent = this.#batches.get(batch);
    if (sent === undefined) return false;
    for (const outcome of sent.outcomes(agent, rows))
      this.#documents
        .get(outcome.id)
        ?.find(({ hasOutcome }) => !hasOutcome)
        ?.give(outcome);
    return true;
  }

  /** Returns the batches of which results are missing. */
  unanswered(): LeftBatch[] {
    return [...this.#batches].flatMap(([batch, { left, blob }]) => (left > 0 ? [{ batch, blob }] : []));
  }

  #leave(id: string): void {
    let give: (outcome: Outcome) => void = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      give = resolve;
    });
    const document: LeftDocument = {
      outcome,
      isClaimed: false,
      hasOutcome: false,
      give(outcome) {
        document.hasOutcome = true;
        give(outcome);
      },
    };
    const others = this.#documents.get(id);
    if (others === undefined) this.#documents.set(id, [document]);
    else others.push(document);
  }
}

interface LeftDocument {
  readonly outcome: Promise<Outcome>;
  isClaimed: boolean;
  hasOutcome: boolean;
  give(outcome: Outcome): void;
}
