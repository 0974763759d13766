import { setImmediate } from 'node:timers';
import { Puller } from '../batch-queue/puller.js';
import type { Cancelling } from '../session/cancelling.js';
import { inTurn } from '../session/in-turn.js';
import { cancelled, crashed } from '../session/outcome.js';
import type { CarriedDocument, CarriedDocuments } from '../session/reference.js';
import type { CallerEnd } from '../session/side-channel.js';
import type { Emit, Outcome } from '../strategy.js';
import { encodeBatch } from './batch-blob.js';
import { BatchSize, batchLimits, type Expected, SentBatch } from './batches.js';
import { BlobBuffers } from './blob-buffers.js';
import type { Engine, LeftBatch, Received } from './engine.js';
import { Fleet } from './fleet.js';
import { LeftDocuments } from './left-documents.js';
import { decodeMessage, encodeMessage, type FromAgent, type Results } from './protocol.js';

/**
 * Batches on the broker have at most this many bytes, and one batch more. Redis needs as much memory, and as
 * much again for large results.
 */
const maxBytesInFlight = 16 * 2 ** 20;

/** One read waits this long for a message, ms. */
const readMs = 5000;

/** The caller's side of a run: it sends batches, receives results and emits outcomes. See `protocol.ts`. */
export class Caller {
  readonly fleet: Fleet;
  readonly #engine: Engine;
  readonly #left: LeftDocuments;
  readonly #limit: (typeof batchLimits)[keyof typeof batchLimits];
  /** Batches without all their outcomes, by their numbers. */
  readonly #sent = new Map<number, InFlight>();
  #nextBatch: number;
  #pass: number;
  #current: Pass | null = null;
  #bytes = 0;
  #documents = 0;
  /** Loops that wait until fewer bytes are in flight. */
  #waiting: (() => void)[] = [];
  #receipts: string[] = [];
  #settled: number[] = [];
  #settling = false;
  /** Why no document runs any more. */
  #stopped: Error | null = null;
  /** Why the run cannot go on at all: the broker has lost it. */
  #failure: Error | null = null;
  #closed = false;
  #redelivered = 0;
  #duplicates = 0;
  readonly #listening: Promise<void>;
  /** Is called when an agent has reported documents. */
  progress: () => void = () => {};

  constructor(
    engine: Engine,
    callerEnd: CallerEnd,
    { left, takesReferences }: { readonly left: readonly LeftBatch[]; readonly takesReferences: boolean },
  ) {
    this.#engine = engine;
    this.#limit = takesReferences ? batchLimits.byReference : batchLimits.sent;
    this.#left = new LeftDocuments(left);
    this.#nextBatch = this.#left.nextBatch;
    this.#pass = this.#left.lastPass;
    this.fleet = new Fleet(callerEnd, {
      postAll: (messages) => {
        // A session that is about to close may post too late; nothing waits for it.
        if (!this.#closed) engine.post(encodeMessage(messages)).catch(() => {});
      },
      pass: () => this.#pass,
    });
    this.#listening = this.#listen();
  }

  get redelivered(): number {
    return this.#redelivered;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  /** Runs all documents; see `Session.run`. */
  async run(documents: CarriedDocuments, emit: Emit, cancelling: Cancelling): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const puller = new Puller(documents);
    const pass: Pass = {
      number: ++this.#pass,
      cancelling,
      puller,
      turn: Promise.resolve(),
      size: new BatchSize(this.#limit.documents),
      buffers: new BlobBuffers(),
      emitAll: inTurn(emit),
    };
    this.#current = pass;
    let failure: { readonly cause: unknown } | null = null;
    const serve = async (): Promise<void> => {
      try {
        while (await this.#serveOne(pass));
      } catch (cause) {
        failure ??= { cause };
        puller.stop();
      }
    };
    const loops = new Set<Promise<void>>();
    const start = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const loop = serve().then(() => void loops.delete(loop));
        loops.add(loop);
      }
    };
    this.fleet.joined = start;
    start(Math.max(1, this.fleet.slots));
    while (loops.size > 0) await Promise.all(loops);
    this.fleet.joined = () => {};
    this.#current = null;
    if (failure !== null) throw (failure as { cause: unknown }).cause;
    if (this.#failure !== null) throw this.#failure;
  }

  /** Ends all documents that are in flight, and each that follows. */
  stop(cause: Error): void {
    this.#stopped = cause;
    for (const batch of new Set(this.#sent.values())) this.#emit(batch, batch.crash(cause));
  }

  /** Documents run again. */
  resume(): void {
    this.#stopped = null;
  }

  /** The run cannot go on: it rejects with this error, and so does each that follows. */
  fail(cause: Error): void {
    if (this.#closed) return;
    this.#failure ??= cause;
    for (const batch of new Set(this.#sent.values())) batch.reject(cause);
    this.#current?.puller.stop();
    this.#wake();
  }

  /** Ends the connections and removes the run from the broker, or leaves it there for another caller. */
  async close({ remove = true } = {}): Promise<void> {
    this.#closed = true;
    await this.#engine.close({ remove });
    await this.#listening;
  }

  /** Takes, sends and emits one batch of the source. Returns false when the source has ended. */
  async #serveOne(pass: Pass): Promise<boolean> {
    const waits = await this.#takeAndSend(pass);
    if (waits === null) return false;
    await Promise.all(waits);
    return true;
  }

  /**
   * Returns a promise for all outcomes of the next batch; null when the source has ended. This is a function
   * of its own so that a loop which waits for outcomes does not hold the documents.
   */
  async #takeAndSend(pass: Pass): Promise<readonly Promise<void>[] | null> {
    const turn = pass.turn.then(async () => {
      while (this.#bytes >= maxBytesInFlight && this.#failure === null) await this.#room();
      if (this.#failure !== null) throw this.#failure;
      return pass.puller.take({
        documents: pass.size.documents(this.fleet.workersEach),
        bytes: this.#limit.bytes,
        goesAtOnce: () => this.#documents < this.fleet.workers,
      });
    });
    pass.turn = turn.catch(() => {});
    const taken = await turn;
    if (taken === null) return null;
    const documents: CarriedDocument[] = [];
    const expected: Expected[] = [];
    const waits: Promise<void>[] = [];
    const ended: Outcome[] = [];
    for (const [i, document] of taken.documents.entries()) {
      const { index, id } = document;
      const claimed = this.#left.claim(document);
      if (claimed !== null) waits.push(claimed.then((outcome) => pass.emitAll([outcome])));
      else if (pass.cancelling.has(index)) ended.push(cancelled(document));
      else if (this.#stopped !== null) ended.push(crashed(document, this.#stopped));
      else {
        documents.push(document);
        expected.push({ index, id, pulledMs: taken.pulledMs[i] as number });
      }
    }
    if (ended.length > 0) waits.push(pass.emitAll(ended));
    if (documents.length > 0) waits.push(this.#send(pass, documents, expected));
    return waits;
  }

  #send(pass: Pass, documents: readonly CarriedDocument[], expected: readonly Expected[]): Promise<void> {
    const blob = encodeBatch(documents, {
      pass: pass.number,
      after: this.fleet.count,
      mayCancel: pass.cancelling.may,
      buffers: pass.buffers,
    });
    const number = this.#nextBatch++;
    return new Promise((resolve, reject) => {
      const batch = new InFlight(expected, blob, pass, {
        resolve: () => {
          this.#gone(batch);
          resolve();
        },
        reject: (cause) => {
          this.#gone(batch);
          reject(cause);
        },
      });
      this.#bytes += blob.length;
      this.#documents += expected.length;
      this.#addBatch(batch, number);
    });
  }

  #gone(batch: InFlight): void {
    if (batch.isGone) return;
    batch.isGone = true;
    this.#reuse(batch);
    this.#bytes -= batch.blob.length;
    for (const number of batch.numbers) this.#sent.delete(number);
    this.#settle(batch.receipts, batch.numbers);
    this.#wake();
  }

  #addBatch(batch: InFlight, number: number): void {
    if (batch.numbers.at(-1) !== number) batch.numbers.push(number);
    this.#sent.set(number, batch);
    batch.adding++;
    this.#engine.add(number, batch.blob).then(
      () => {
        batch.adding--;
        this.#reuse(batch);
      },
      (cause: Error) => this.fail(cause),
    );
  }

  /** The connection may read the bytes again until the broker has answered. */
  #reuse({ isGone, adding, pass, blob }: InFlight): void {
    if (isGone && adding === 0) pass.buffers.give(blob);
  }

  async #listen(): Promise<void> {
    let quiet = 0;
    while (!this.#closed && this.#failure === null) {
      try {
        const messages = await this.#engine.receive(readMs);
        for (const received of messages) this.#receive(received);
        quiet = messages.length > 0 ? 0 : quiet + 1;
        if (isPowerOfTwo(quiet)) this.#addAgain();
      } catch (cause) {
        this.fail(cause as Error);
      }
    }
  }

  /**
   * Adds the batches that have no outcome yet again, after a time without any message. This changes
   * nothing for batches that wait or run. A broker that was restarted may have lost the newest ones, and an
   * earlier caller may have ended between a batch and its job.
   */
  #addAgain(): void {
    for (const [number, batch] of this.#sent)
      if (batch.left > 0 && batch.numbers.at(-1) === number) this.#addBatch(batch, number);
    for (const { batch, blob } of this.#left.unanswered())
      this.#engine.add(batch, blob).catch((cause: Error) => this.fail(cause));
  }

  #receive({ receipt, message }: Received): void {
    const found = decodeMessage<FromAgent>(message);
    if (found.kind === 'results') {
      this.#results(found, receipt);
      return;
    }
    if (found.kind === 'no-documents') this.#sendAgain(found.batch);
    else this.fleet.receive(found);
    this.#settle([receipt], []);
  }

  #results(results: Results, receipt: string): void {
    const { agent, batch: number, rows, lost } = results;
    this.progress();
    if (lost > 0 && results.last) this.#redelivered++;
    const batch = this.#sent.get(number);
    if (batch === undefined) {
      if (this.#left.receive(results)) return;
      this.#duplicates += rows.positions.length;
      this.#settle([receipt], []);
      return;
    }
    batch.receipts.push(receipt);
    const outcomes = batch.outcomes(agent, rows);
    this.#duplicates += rows.positions.length - outcomes.length;
    for (const { taskMs } of outcomes) if (taskMs !== null) batch.pass.size.learn(taskMs);
    this.#emit(batch, outcomes);
  }

  #emit(batch: InFlight, outcomes: readonly Outcome[]): void {
    this.#documents -= outcomes.length;
    const emitted = batch.pass.emitAll(outcomes);
    if (batch.left === 0) emitted.then(batch.resolve, batch.reject);
    else emitted.catch(batch.reject);
  }

  /**
   * The broker has lost the documents of a batch. They get another number, because the job that has the old
   * one is still with the agent.
   */
  #sendAgain(number: number): void {
    const batch = this.#sent.get(number);
    if (batch === undefined || batch.left === 0 || batch.numbers.at(-1) !== number) return;
    this.#addBatch(batch, this.#nextBatch++);
  }

  /** Settles with all else that comes in the same turn. */
  #settle(receipts: readonly string[], batches: readonly number[]): void {
    this.#receipts.push(...receipts);
    this.#settled.push(...batches);
    if (this.#settling || (this.#receipts.length === 0 && this.#settled.length === 0)) return;
    this.#settling = true;
    setImmediate(() => {
      this.#settling = false;
      const done = { receipts: this.#receipts, batches: this.#settled };
      this.#receipts = [];
      this.#settled = [];
      if (!this.#closed) this.#engine.settle(done).catch(() => {}); // `receive` meets the same error
    });
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** Everything that one run of the session needs. */
interface Pass {
  readonly number: number;
  readonly cancelling: Cancelling;
  readonly puller: Puller;
  /** One loop at a time takes from the source. */
  turn: Promise<unknown>;
  readonly size: BatchSize;
  readonly buffers: BlobBuffers;
  emitAll(outcomes: readonly Outcome[]): Promise<void>;
}

/** A batch with the loop that waits for it. */
class InFlight extends SentBatch {
  readonly pass: Pass;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
  /** The broker has not answered this many times that the batch was added. */
  adding = 0;
  /** Nothing is sent or expected any more. */
  isGone = false;

  constructor(
    documents: readonly Expected[],
    blob: Uint8Array,
    pass: Pass,
    { resolve, reject }: Pick<InFlight, 'resolve' | 'reject'>,
  ) {
    super(documents, blob);
    this.pass = pass;
    this.resolve = resolve;
    this.reject = reject;
  }
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
