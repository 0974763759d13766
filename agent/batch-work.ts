import type { BatchDocument, DecodedBatch } from '../strategies/broker/batch-blob.js';
import type { Engine, TakenBatch } from '../strategies/broker/engine.js';
import { encodeMessage, type FromAgent, type Hello, type ResultRows } from '../strategies/broker/protocol.js';
import { maxWorkersEnded } from '../strategies/session/attempts.js';
import { crashed } from '../strategies/session/outcome.js';
import { owned } from '../strategies/session/owned.js';
import { WorkerEnded } from '../strategies/session/task-error.js';
import type { AnyDocument, Outcome } from '../strategies/strategy.js';
import { Heard } from './heard.js';
import { HeldBatch } from './held-batch.js';
import type { Inner, InnerDocument } from './inner.js';
import { sendable } from './rows.js';
import { Turns } from './turns.js';

/** The next batch comes when each worker has less than this to do, ms: as long as it takes to come. */
const readyMs = 10;
/** Weight of one document in the running mean of task times. */
const weight = 1 / 16;
/** A batch waits this long at most for messages that were said before it, ms: they may have expired. */
const hearMs = 5000;

export interface BatchWorkOptions {
  /** Results are posted to it. */
  readonly engine: Engine;
  /** The session of the agent. */
  readonly inner: Inner;
  readonly hello: Omit<Hello, 'kind'>;
  /** True where a view of a batch would go to a worker with all of the batch. */
  readonly copyViews: boolean;
  readonly counts: Counts;
  /** The agent may want its next batch. */
  look(): void;
  /** The session or the broker has failed. */
  fail(cause: unknown): void;
}

/** An agent counts what it has done since it started. */
export interface Counts {
  readonly outcomes: Record<Outcome['status'], number>;
  /** Batches that other agents had lost. */
  redelivered: number;
  /** The broker answered last at this time of the clock `now()`. */
  heardMs: number;
}

/**
 * The batches that are with an agent: it runs their documents in the agent's session, and posts the outcomes
 * before it says that a batch is done. A batch whose agent ends is never done: another agent gets it.
 */
export class BatchWork {
  /** The numbers of the caller's lists that were heard. */
  readonly heard = new Heard();
  readonly #options: BatchWorkOptions;
  readonly #turns = new Turns();
  /** The batches that are here, by their numbers. */
  readonly #batches = new Map<number, HeldBatch>();
  /** Running mean of task times, ms; null before the first. */
  #taskMs: number | null = null;
  #ended = false;

  constructor(options: BatchWorkOptions) {
    this.#options = options;
  }

  /** True when the workers will soon have done what is here. */
  get wantsMore(): boolean {
    const { hello, inner } = this.#options;
    const { workers } = hello;
    const { documents } = inner;
    return documents < workers || (this.#taskMs !== null && documents * this.#taskMs < readyMs * workers);
  }

  /** Deals with one batch. The promise stays pending when the session fails, and after `end`. */
  work(taken: TakenBatch): Promise<void> {
    // The agent was cut off, and gets the batch again that it still runs.
    const held = this.#batches.get(taken.batch);
    if (held !== undefined) return held.done;
    const batch = new HeldBatch(taken, (batch) => this.#report(batch, false));
    this.#batches.set(taken.batch, batch);
    batch.done = this.#run(batch).then(
      () => {
        this.#release(batch);
        if (this.#ended) return never();
        if (!batch.mayBeRead) taken.free();
        return undefined;
      },
      (cause: unknown) => {
        this.#release(batch);
        this.#options.fail(cause);
        return never();
      },
    );
    return batch.done;
  }

  /** Posts the outcomes that were not posted yet. */
  async reportAll(): Promise<void> {
    await Promise.all([...this.#batches.values()].map((batch) => this.#report(batch, false)));
  }

  /** Posts nothing more, and drops later outcomes: the agent ends its own workers. */
  end(): void {
    this.#ended = true;
    for (const batch of this.#batches.values()) batch.release();
  }

  #release(batch: HeldBatch): void {
    batch.release();
    this.#batches.delete(batch.taken.batch);
  }

  async #run(batch: HeldBatch): Promise<void> {
    const { counts, engine, hello } = this.#options;
    const { batch: number, lost } = batch.taken;
    const { decoded } = batch;
    if (lost > 0) counts.redelivered++;
    if (decoded === null) {
      await engine.post(encodeMessage({ kind: 'no-documents', agent: hello.agent, batch: number }));
      return;
    }
    await this.heard.atLeast(decoded.after, hearMs);
    if (lost > 0) await this.#turns.alone(() => this.#runOneByOne(batch, decoded));
    else await this.#turns.beside(() => this.#runTogether(batch, decoded));
  }

  async #runTogether(batch: HeldBatch, { pass, documents }: DecodedBatch): Promise<void> {
    const { inner } = this.#options;
    await inner.run(pass, documents.map(this.#innerDocument), (outcome, place) =>
      this.#add(batch, outcome, place),
    );
    await this.#report(batch, true);
  }

  /**
   * Runs the documents of a batch that another agent has lost, perhaps because of one of them: see "When an
   * agent ends" in the protocol.
   */
  async #runOneByOne(batch: HeldBatch, { pass, documents }: DecodedBatch): Promise<void> {
    const { inner } = this.#options;
    const { mark, leaveMark } = batch.taken;
    let { position: place, tries } = mark ?? { position: 0, tries: 0 };
    for (; place < documents.length; place++, tries = 0) {
      const document = documents[place] as BatchDocument;
      if (tries >= maxWorkersEnded) this.#add(batch, endedAgents(document, tries), place);
      else {
        await leaveMark({ position: place, tries: tries + 1 });
        const at = place;
        await inner.run(pass, [this.#innerDocument(document)], (outcome) => this.#add(batch, outcome, at));
      }
      await this.#report(batch, place === documents.length - 1);
    }
  }

  #add(batch: HeldBatch, outcome: Outcome, place: number): void {
    // The agent has ended its own workers. The document is not to blame, and runs elsewhere.
    if (this.#ended) return;
    const { counts, look } = this.#options;
    counts.outcomes[outcome.status]++;
    const { taskMs } = outcome;
    if (taskMs === null) batch.mayBeRead = true;
    else this.#taskMs = (this.#taskMs ?? taskMs) * (1 - weight) + taskMs * weight;
    if (this.wantsMore) look();
    batch.rows.add(outcome, place);
  }

  async #report({ taken, rows }: HeldBatch, last: boolean): Promise<void> {
    if (this.#ended || (rows.length === 0 && !last)) return;
    const { engine, hello } = this.#options;
    const { agent } = hello;
    const { batch, lost } = taken;
    const message = (rows: ResultRows): FromAgent => ({ kind: 'results', agent, batch, lost, last, rows });
    const taking = rows.take();
    let bytes: Uint8Array;
    try {
      bytes = encodeMessage(message(taking));
    } catch {
      bytes = encodeMessage(message(sendable(taking)));
    }
    await engine.post(bytes);
  }

  readonly #innerDocument = (document: BatchDocument): InnerDocument => {
    const { index, id, size, bytes, by, cancellable } = document;
    let given: AnyDocument;
    if (by === 'path') given = { index, id, size, path: bytes };
    else if (by === 'reference') given = { index, id, size, reference: JSON.parse(decoder.decode(bytes)) };
    else given = this.#options.copyViews ? owned({ index, id, size, bytes }) : { index, id, size, bytes };
    return { document: given, cancellable };
  };
}

const decoder = new TextDecoder();
const never = () => new Promise<never>(() => {});

function endedAgents(document: BatchDocument, attempts: number): Outcome {
  const ended = new WorkerEnded(
    `${attempts} agents ended, or were cut off from the broker, while they ran this document and no other`,
  );
  return crashed(document, ended, attempts);
}
