import { type Circuit, serviceClosed } from '../../services/circuit.js';
import { refused } from '../../strategies/session/outcome.js';
import { ready, type Source } from '../../strategies/session/source.js';
import type { AnyDocument, Documents, Emit, Outcome } from '../../strategies/strategy.js';
import { type Failed, FailedDocuments } from './failed-documents.js';
import { end, FreshDocuments } from './fresh-documents.js';
import type { PauseClock } from './pause-clock.js';

export interface RunSettings {
  readonly circuit: Circuit;
  /**
   * True for a job, which has an end, and in which nothing waits for the outcome of one document. It ends
   * when the circuit was given up. Failures of the service are held back while it is not known whether it
   * works, so that a document has no outcome of an outage that the job survives.
   */
  readonly isJob: boolean;
  readonly clock: PauseClock;
}

interface Waiting {
  readonly resolve: (next: IteratorResult<AnyDocument>) => void;
  readonly reject: (cause: unknown) => void;
}

/**
 * One run of the caller's, which is several runs of the session where documents are given again. The session
 * reads its documents here and emits its outcomes here.
 */
export class CircuitRun implements Source<AnyDocument> {
  readonly #circuit: Circuit;
  readonly #clock: PauseClock;
  readonly #emit: Emit;
  readonly #isJob: boolean;
  readonly #fresh: FreshDocuments;
  readonly #failed = new FailedDocuments();
  /** The documents that the session has, by index. */
  readonly #given = new Map<number, AnyDocument>();
  /** The session waits for a document. */
  #waiting: Waiting | null = null;
  #isStopped = false;
  /** Failures of an open circuit have no outcome any more. */
  #isDropped = false;
  /** Takes back the call at the end of the pause. */
  #cancelWake: (() => void) | null = null;
  /** Outcomes that are emitted apart from the session's. */
  #emitted: Promise<void> = Promise.resolve();

  constructor(documents: Documents, emit: Emit, { circuit, isJob, clock }: RunSettings) {
    this.#fresh = new FreshDocuments(documents, () => this.#look());
    this.#emit = emit;
    this.#circuit = circuit;
    this.#isJob = isJob;
    this.#clock = clock;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [ready](): IteratorResult<AnyDocument> | null {
    return this.#next(false, this.#clock.now());
  }

  next(): Promise<IteratorResult<AnyDocument>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#look();
    });
  }

  async return(): Promise<IteratorResult<AnyDocument>> {
    this.#fresh.stop();
    return end;
  }

  /** Gets the outcomes of the session. */
  readonly emit: Emit = (outcome) => {
    const { index } = outcome;
    const document = this.#given.get(index);
    this.#given.delete(index);
    const wasClosed = this.#circuit.state === 'closed';
    const verdict = this.#circuit.see(outcome, this.#clock.now());
    if (verdict === 'works' && wasClosed && this.#failed.isEmpty) return this.#emit(outcome);
    const isRepeated = this.#failed.isRepeated(index);
    const whole = this.#failed.ended(outcome);
    const isKept =
      verdict === 'fails' && document !== undefined && this.#keeps({ document, outcome: whole }, isRepeated);
    // The failures that are held are the documents' own, unless this one is another of them.
    if (this.#circuit.state === 'closed' && verdict !== 'fails') this.#emitApart(this.#failed.takeHeld());
    const emitted = isKept ? undefined : this.#emit(whole);
    this.#changed();
    return emitted;
  };

  /** The document was cancelled: it is not given again. */
  cancel(index: number): void {
    this.#given.delete(index);
    const outcome = this.#failed.remove(index);
    if (outcome !== null) this.#emitApart([outcome]);
  }

  /** A run of the session has ended. Returns true when another one begins, with documents that wait. */
  begins(): boolean {
    this.#circuit.forgetProbe();
    if (this.#circuit.state === 'closed') this.#emitApart(this.#failed.takeHeld());
    this.#changed();
    return this.#failed.hasNext && !this.#isStopped;
  }

  /** No document is given any more. The waiting ones have no outcome. */
  drop(): void {
    this.#isDropped = true;
    this.#failed.takeAll();
    this.stop();
  }

  /** No document is given any more. The waiting ones have the outcome that they had. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#emitApart(this.#failed.takeAll());
    this.#look();
  }

  async end(): Promise<void> {
    this.stop();
    this.#circuit.forgetProbe();
    await this.#emitted;
  }

  /** The service has failed the document. Returns true when it has no outcome now. */
  #keeps(failed: Failed, isRepeated: boolean): boolean {
    const { state } = this.#circuit;
    if (state === 'open' && this.#isDropped) return true;
    if (this.#isStopped || !isWhole(failed.document)) return false;
    if (state === 'open') this.#failed.giveAgain(failed);
    // The second failure before the circuit opens is the document's own.
    else if (state === 'closed' && this.#isJob && !isRepeated) this.#failed.hold(failed);
    else return false;
    return true;
  }

  /** The circuit, or what waits for it, may have changed. */
  #changed(): void {
    const { state } = this.#circuit;
    if (state === 'open') this.#failed.giveHeldAgain();
    else if (state === 'given up') this.#giveUp();
    this.#look();
  }

  #giveUp(): void {
    if (this.#isJob) this.stop();
    else this.#emitApart(this.#failed.takeAll());
  }

  #emitApart(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      this.#emitted = this.#emitted.then(() => this.#emit(outcome));
      this.#emitted.catch(() => {}); // awaited when the run ends
    }
  }

  /** Answers the session if it waits, and there is something for it. */
  #look(): void {
    const waiting = this.#waiting;
    const nowMs = this.#clock.now(); // with two times, a pause could end between them, and nothing would wake
    try {
      const next = waiting === null ? null : this.#next(true, nowMs);
      if (next !== null) {
        this.#waiting = null;
        waiting?.resolve(next);
      }
    } catch (cause) {
      this.#waiting = null;
      waiting?.reject(cause);
    }
    this.#wakeLater(nowMs);
  }

  /** Looks again when the pause is over, if a document waits for that. */
  #wakeLater(nowMs: number): void {
    this.#cancelWake?.();
    this.#cancelWake = null;
    const isWaitedFor = this.#waiting !== null || this.#failed.hasNext;
    if (this.#circuit.state !== 'open' || this.#isStopped || !isWaitedFor) return;
    this.#cancelWake = this.#clock.after(this.#circuit.nextMs(nowMs) - nowMs, () => {
      this.#circuit.turn(this.#clock.now()); // it may give up, also where the session does not ask
      this.#changed();
    });
  }

  /** @param asks the source may be asked for a document that it does not have at once */
  #next(asks: boolean, nowMs: number): IteratorResult<AnyDocument> | null {
    for (;;) {
      if (this.#isStopped) return end;
      const turn = this.#circuit.state === 'closed' ? 'all' : this.#circuit.turn(nowMs);
      if (turn === 'none') return null;
      if (turn === 'refused') {
        this.#giveUp();
        if (this.#isStopped) return end;
      }
      const isProbe = turn === 'probe';
      // A new document is the better probe: one that has failed may be to blame itself.
      if (!isProbe && this.#failed.hasNext) return this.#giveAgain(false);
      const next = this.#fresh.next(asks);
      if (next === null || next.done) return this.#failed.hasNext ? this.#giveAgain(isProbe) : next;
      if (turn !== 'refused') return this.#give(next, isProbe);
      this.#emitApart([refused(next.value, refusal(this.#circuit.reason))]);
    }
  }

  #giveAgain(isProbe: boolean): IteratorResult<AnyDocument> {
    return this.#give({ done: false, value: this.#failed.next() }, isProbe);
  }

  #give(next: IteratorYieldResult<AnyDocument>, isProbe: boolean): IteratorResult<AnyDocument> {
    const { index } = next.value;
    if (isProbe) this.#circuit.began(index);
    this.#given.set(index, next.value);
    return next;
  }
}

/** False where the bytes were moved to a worker. */
function isWhole(document: AnyDocument): boolean {
  return !('bytes' in document) || document.bytes.length === document.size;
}

function refusal(reason: string): Error {
  const error = new Error(
    `the service of the task fails every document (${reason}), so it was not asked: ` +
      'run this document again when the service works',
  );
  error.name = serviceClosed;
  return error;
}
