import { clearTimeout, setTimeout } from 'node:timers';
import { type Circuit, serviceClosed } from '../services/circuit.js';
import { thrown } from '../services/retry.js';
import { refused } from '../strategies/session/outcome.js';
import { ready, type Source, SourceReader } from '../strategies/session/source.js';
import type { AnyDocument, Documents, Emit, Outcome, Session } from '../strategies/strategy.js';
import { now } from '../strategies/worker/clock.js';

export interface CircuitOf {
  readonly circuit: Circuit;
  /**
   * True for a job, which has an end, and in which nothing waits for the outcome of one document. It ends
   * when the circuit was given up. Failures of the service are held back while it is not known whether it
   * works, so that a document has no outcome of an outage that the job survives.
   */
  readonly isJob: boolean;
}

/** The circuit of a session, as a job sees it. */
export interface JobCircuit {
  /** True when no further document is given. */
  readonly hasEnded: boolean;
  /** The failure of the service, once the circuit was given up; else null. */
  readonly reason: string | null;
  /** Gives no further document. Documents that wait for the service have no outcome, and run another time. */
  stop(): void;
}

/** Returns a session that gives documents as the circuit says: see the head of `services/circuit.ts`. */
export function withCircuit(
  session: Session,
  { circuit, isJob }: CircuitOf,
): { readonly session: Session; readonly circuit: JobCircuit } {
  let current: CircuitRun | null = null;
  let hasEnded = false;
  const job: JobCircuit = {
    get hasEnded() {
      return hasEnded || (isJob && circuit.state === 'given up');
    },
    get reason() {
      return circuit.state === 'given up' ? circuit.reason : null;
    },
    stop() {
      hasEnded = true;
      current?.drop();
    },
  };
  const own: Pick<Session, 'run' | 'cancel' | 'close'> = {
    async run(documents, emit, options) {
      const run = new CircuitRun(documents, emit, { circuit, isJob });
      current = run;
      if (job.hasEnded) run.stop();
      try {
        do await session.run(run, run.emit, options);
        while (run.begins());
      } finally {
        current = null;
        await run.end();
      }
    },
    cancel(index) {
      current?.cancel(index);
      session.cancel(index);
    },
    close(options) {
      hasEnded = true;
      current?.stop();
      return session.close(options);
    },
  };
  // All other members are those of the session itself.
  return { session: Object.assign(Object.create(session) as Session, own), circuit: job };
}

interface Held {
  readonly document: AnyDocument;
  readonly outcome: Outcome;
}

interface Waiting {
  readonly resolve: (next: IteratorResult<AnyDocument>) => void;
  readonly reject: (cause: unknown) => void;
}

const end: IteratorResult<never> = { done: true, value: undefined };

/** One run of the caller's, which is several runs of the session where documents are given again. */
class CircuitRun implements Source<AnyDocument> {
  readonly #circuit: Circuit;
  readonly #emit: Emit;
  readonly #isJob: boolean;
  readonly #source: SourceReader<AnyDocument>;
  /** The documents that the session has, by index. */
  readonly #given = new Map<number, AnyDocument>();
  /** Failures before the circuit has opened. */
  readonly #held: Held[] = [];
  /** These documents are given again, with the outcome that they have otherwise. */
  readonly #again: Held[] = [];
  /** The last outcomes of documents that were given again, by index. */
  readonly #before = new Map<number, Outcome>();
  #waiting: Waiting | null = null;
  /** The source was asked for a document, and has not answered. */
  #isAsked = false;
  #answer: IteratorResult<AnyDocument> | null = null;
  #failure: { readonly cause: unknown } | null = null;
  #hasEnded = false;
  #isStopped = false;
  /** Failures of an open circuit have no outcome any more. */
  #isDropped = false;
  #timer: NodeJS.Timeout | null = null;
  /** Outcomes that are emitted apart from the session's. */
  #emitted: Promise<void> = Promise.resolve();

  constructor(documents: Documents, emit: Emit, { circuit, isJob }: CircuitOf) {
    this.#source = new SourceReader<AnyDocument>(documents);
    this.#emit = emit;
    this.#circuit = circuit;
    this.#isJob = isJob;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [ready](): IteratorResult<AnyDocument> | null {
    return this.#next(false, now());
  }

  next(): Promise<IteratorResult<AnyDocument>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#look();
    });
  }

  async return(): Promise<IteratorResult<AnyDocument>> {
    this.#source.stop();
    return end;
  }

  readonly emit: Emit = (outcome) => {
    const { index } = outcome;
    const document = this.#given.get(index);
    this.#given.delete(index);
    const verdict = this.#circuit.see(outcome, now());
    const isCalm = verdict === 'works' && this.#before.size === 0 && this.#held.length === 0;
    if (isCalm && this.#again.length === 0) return this.#emit(outcome);
    const before = this.#before.get(index);
    this.#before.delete(index);
    const whole = before === undefined ? outcome : withTries(outcome, before);
    const { state } = this.#circuit;
    const failed = verdict === 'fails' && document !== undefined ? { document, outcome: whole } : null;
    if (failed !== null && state === 'open' && this.#isDropped) return;
    if (failed !== null && state === 'open' && this.#mayRun(failed)) this.#again.push(failed);
    else if (failed !== null && state === 'closed' && this.#holds(failed, before)) this.#held.push(failed);
    else {
      // The failures that are held are the documents' own, unless this one is another of them.
      if (state === 'closed' && verdict !== 'fails') this.#release();
      const emitted = this.#emit(whole);
      this.#changed();
      return emitted;
    }
    this.#changed();
  };

  /** The document was cancelled: it is not given again. */
  cancel(index: number): void {
    this.#given.delete(index);
    for (const waiting of [this.#held, this.#again]) {
      const at = waiting.findIndex(({ document }) => document.index === index);
      if (at >= 0) this.#emitApart((waiting.splice(at, 1)[0] as Held).outcome);
    }
  }

  /** A run of the session has ended. Returns true when another one begins, with documents that wait. */
  begins(): boolean {
    this.#circuit.forgetProbe();
    if (this.#circuit.state === 'closed') this.#release();
    this.#changed();
    return this.#again.length > 0 && !this.#isStopped;
  }

  /** No document is given any more. The waiting ones have no outcome. */
  drop(): void {
    this.#isDropped = true;
    this.#held.length = 0;
    this.#again.length = 0;
    this.stop();
  }

  /** No document is given any more. The waiting ones have the outcome that they had. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#settle();
    this.#look();
  }

  async end(): Promise<void> {
    this.stop();
    this.#circuit.forgetProbe();
    await this.#emitted;
  }

  #mayRun({ document }: Held): boolean {
    return !this.#isStopped && isWhole(document);
  }

  /** The second failure is the document's own. */
  #holds(failed: Held, before: Outcome | undefined): boolean {
    return this.#isJob && before === undefined && this.#mayRun(failed);
  }

  /** The circuit, or what waits for it, may have changed. */
  #changed(): void {
    const { state } = this.#circuit;
    if (state === 'open') this.#again.push(...this.#held.splice(0));
    else if (state === 'given up') this.#giveUp();
    this.#look();
  }

  #giveUp(): void {
    if (this.#isJob) this.stop();
    else this.#settle();
  }

  #release(): void {
    for (const { outcome } of this.#held.splice(0)) this.#emitApart(outcome);
  }

  #settle(): void {
    this.#release();
    for (const { outcome } of this.#again.splice(0)) this.#emitApart(outcome);
  }

  #emitApart(outcome: Outcome): void {
    this.#emitted = this.#emitted.then(() => this.#emit(outcome));
    this.#emitted.catch(() => {}); // awaited when the run ends
  }

  /** Answers the session if it waits, and there is something for it. */
  #look(): void {
    const waiting = this.#waiting;
    const nowMs = now(); // with two times, a pause could end between them, and no timer would be set
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
      if (!isProbe && this.#again.length > 0) return this.#giveAgain(false);
      const next = this.#fresh(asks);
      if (next === null || next.done) {
        if (this.#again.length > 0) return this.#giveAgain(isProbe);
        return next;
      }
      if (turn === 'refused') {
        this.#emitApart(refused(next.value, this.#refusal()));
        continue;
      }
      if (isProbe) this.#circuit.began(next.value.index);
      this.#given.set(next.value.index, next.value);
      return next;
    }
  }

  #giveAgain(isProbe: boolean): IteratorResult<AnyDocument> {
    const { document, outcome } = this.#again.shift() as Held;
    if (isProbe) this.#circuit.began(document.index);
    this.#before.set(document.index, outcome);
    this.#given.set(document.index, document);
    return { done: false, value: document };
  }

  /** The next document of the source, or its end; null where it has none at once. @throws what it throws */
  #fresh(asks: boolean): IteratorResult<AnyDocument> | null {
    if (this.#failure !== null) throw this.#failure.cause;
    if (this.#hasEnded) return end;
    if (this.#isAsked) return null;
    const next = this.#answer ?? this.#source.now();
    this.#answer = null;
    if (next?.done) this.#hasEnded = true;
    if (next === null && asks) this.#ask();
    return next;
  }

  #ask(): void {
    this.#isAsked = true;
    this.#source.next().then(
      (next) => {
        this.#isAsked = false;
        this.#answer = next;
        this.#look();
      },
      (cause: unknown) => {
        this.#isAsked = false;
        this.#failure = { cause };
        this.#look();
      },
    );
  }

  /** Looks again when the pause is over, if a document waits for that. */
  #wakeLater(nowMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const isWaitedFor = this.#waiting !== null || this.#again.length > 0;
    if (this.#circuit.state !== 'open' || this.#isStopped || !isWaitedFor) return;
    const inMs = Math.ceil(this.#circuit.nextMs(nowMs) - nowMs);
    this.#timer = setTimeout(
      () => {
        this.#circuit.turn(now());
        this.#changed();
      },
      Math.min(Math.max(1, inMs), maxTimerMs),
    );
  }

  #refusal(): Error {
    const error = new Error(
      `the service of the task fails every document (${this.#circuit.reason}), so it was not asked: ` +
        'run this document again when the service works',
    );
    error.name = serviceClosed;
    return error;
  }
}

/** Node's timers have no more, ms. */
const maxTimerMs = 2 ** 31 - 1;

/** False where the bytes were moved to a worker. */
function isWhole(document: AnyDocument): boolean {
  return !('bytes' in document) || document.bytes.length === document.size;
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
