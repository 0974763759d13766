import { Child, type ChildKind, type StartOptions } from '../processes/child.js';
import { Death } from '../processes/death.js';
import { writeRegion } from '../processes/regions.js';
import { DeathCount, maxDeathsBeforeStart, maxRuns, runsAgain } from '../session/attempts.js';
import type { Cancelling } from '../session/cancelling.js';
import type { HiddenEnds } from '../session/hidden-ends.js';
import { cancelled, crashed, timedOut } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { Engine, Member, Outcome } from '../strategy.js';
import { processWorker } from '../worker/worker-id.js';
import type { Answer, BatchMessage, Start, ToChild } from './protocol.js';
import type { Batch } from './puller.js';
import { outcomesOf, type Replies } from './replies.js';

export interface ProcessLaneOptions extends StartOptions, Omit<Start, 'perWorker'> {
  /** A child with threads of its own starts with these values beside those of `Start`. Others have none. */
  readonly inside?: object;
  /** A child runs `atOnce` documents at the same time, and starts with `perWorker`. Both may change. */
  readonly perChild: { readonly perWorker: number; readonly atOnce: number };
  /** False where the child itself ends tasks that take too long. */
  readonly watchesTime: boolean;
  /** The position in the shared file where the lane's regions begin. */
  readonly offset: number;
  readonly regionBytes: number;
  /** The lane has this many regions. Batches beyond them travel in messages. */
  readonly regions: number;
  readonly hidden: HiddenEnds;
}

type QueueChild = Child<ToChild, Answer>;

/**
 * A batch puts results of about this size into the child's file. It is a quarter of the file: the child may
 * hold two batches, and sizes vary.
 */
const maxResultBytes = 2 ** 22;

/**
 * One worker and its regions. A new process replaces one that has ended. The documents of every unanswered
 * request are then sent again, one by one and watched. `session/attempts.ts` says how often a document is
 * sent in this way. A document that takes too long has timed out only if it was alone in its batch, because
 * otherwise its neighbours' time would count as its own.
 */
export class ProcessLane {
  readonly #options: ProcessLaneOptions;
  readonly #kind: ChildKind<ToChild>;
  #child: Promise<QueueChild> | null = null;
  /** Children that end when they have answered, because they were near a limit of their memory. */
  readonly #retiring = new Set<QueueChild>();
  #replaced = 0;
  /** Large documents travel and run one after the other, so that the child holds one of them at a time. */
  #large: Promise<void> = Promise.resolve();
  #retries: Promise<unknown> = Promise.resolve();
  readonly #deaths = new DeathCount();
  #killed: Error | null = null;
  #cancelling: Cancelling | null = null;
  #fileFailed = false;
  /** Bytes of a result that travel in the child's file, as a moving average. */
  #resultBytes = 0;

  constructor(options: ProcessLaneOptions) {
    this.#options = options;
    this.#kind = childKind(options);
  }

  /** Resolves when the child has loaded its workload; rejects with the reason why it could not. */
  open(): Promise<QueueChild> {
    this.#child ??= this.#start();
    return this.#child;
  }

  /** True when the lane is given up: every document that it gets has crashed. */
  get broken(): boolean {
    return this.#stopped !== null;
  }

  /** Number of children that were replaced near a limit of their memory. */
  get replaced(): number {
    return this.#replaced;
  }

  /** Number of documents whose results fit into a batch's part of the child's file, by the latest results. */
  get maxResults(): number {
    return Math.max(1, Math.floor(maxResultBytes / this.#resultBytes));
  }

  /** Begins a run: a lane that was given up starts workers again, and so does its child. */
  reset(cancelling: Cancelling): void {
    this.#cancelling = cancelling;
    this.#deaths.reset();
    if (this.#options.inside !== undefined) this.#tell({ kind: 'run' });
  }

  /** Cancels the document if the child has it; elsewhere, the lane refuses it when it gets there. */
  cancel(index: number): void {
    this.#child?.then(
      (child) => child.cancel(index),
      () => {},
    );
    for (const child of this.#retiring) child.cancel(index);
  }

  /** The reason why its processes are not replaced any more; null while they are. */
  get #stopped(): Error | null {
    return this.#killed ?? this.#deaths.stopped;
  }

  /**
   * Gives each document one outcome and never rejects.
   * @param region the region of the lane that the caller uses
   */
  async process(batch: Batch, region: number): Promise<Outcome[]> {
    if (!this.#isLarge(batch)) return this.#process(batch, region);
    const turn = this.#large.then(() => this.#process(batch, region));
    this.#large = turn.then(() => {});
    return turn;
  }

  async #process(batch: Batch, region: number): Promise<Outcome[]> {
    let end: unknown = null;
    while (this.#stopped === null) {
      try {
        const isTimed = this.#options.watchesTime && this.#options.timeoutMs !== undefined;
        const watched = this.#runsSeveral || (isTimed && batch.documents.length === 1);
        return await this.#send(batch, { region, watched });
      } catch (cause) {
        // The child ended, or it could not be started.
        this.#freeClaims(batch);
        const outcome = this.#ended(batch, cause);
        if (outcome !== null) return [outcome];
        if (isCancelled(cause)) continue;
        if (this.#runsSeveral && cause instanceof Death && !cause.began) {
          this.#notBegun(cause);
          continue;
        }
        end = cause;
        break;
      }
    }
    const turn = this.#retries.then(() => this.#oneByOne(batch, region));
    this.#retries = turn;
    const outcomes = await turn;
    if (end instanceof Death) this.#explain(end, outcomes);
    return outcomes;
  }

  get #runsSeveral(): boolean {
    return this.#options.perChild.atOnce > 1;
  }

  /** The child ended before it began with a batch, which is sent again. */
  #notBegun(death: Death): void {
    const { unanswered } = death;
    if (!unanswered.hasBegun && !unanswered.isCounted) {
      unanswered.isCounted = true;
      this.#deaths.endedBeforeStart(death);
    }
    this.#explain(death, []);
  }

  /** Tells the children a new `perWorker`. */
  setPerWorker(perWorker: number): void {
    this.#tell({ kind: 'per-worker', perWorker });
  }

  #tell(message: ToChild): void {
    this.#child?.then(
      (child) => child.tell(message),
      () => {},
    );
    for (const child of this.#retiring) child.tell(message);
  }

  /** Reports the end of a child when all its documents have outcomes, and none of them shows it. */
  #explain(end: Death, outcomes: readonly Outcome[]): void {
    const { unanswered } = end;
    if (outcomes.some(({ status }) => status === 'crashed' || status === 'timed-out'))
      unanswered.isExplained = true;
    unanswered.requests--;
    if (unanswered.requests === 0 && !unanswered.isExplained) this.#options.hidden.report(end);
  }

  /** Asks the child for its usage. Call it only between runs. */
  async report(): Promise<{ readonly member: Member; readonly engines: readonly Engine[] }> {
    for (let tries = 1; ; tries++) {
      try {
        const child = await this.open();
        return (await child.ask({ kind: 'report' })) as Extract<Answer, { kind: 'report' }>;
      } catch (cause) {
        if (!(cause instanceof Death) || tries === maxDeathsBeforeStart) throw cause;
      }
    }
  }

  /** Ends the process. Every document that the lane gets from now on has crashed. */
  kill(): void {
    this.#killed = new Error('the session was ended');
    this.#child?.then(
      (child) => child.kill(),
      () => {},
    );
    for (const child of this.#retiring) child.kill();
  }

  async close(): Promise<void> {
    const child = await this.#child?.catch(() => null);
    await child?.close();
    await Promise.all([...this.#retiring].map((child) => child.ended));
  }

  /** Starts another child in its place. It finishes the batches that it has, and they count as usual. */
  #retire(child: QueueChild): void {
    if (child.isRetiring) return;
    this.#child = null;
    this.#replaced++;
    this.#retiring.add(child);
    void child.ended.then(() => this.#retiring.delete(child));
    child.retire();
  }

  async #start(): Promise<QueueChild> {
    try {
      const child = await Child.start<ToChild, Answer>(
        { ...this.#options, abandoned: (cause) => this.#deaths.stop(cause) },
        this.#kind,
      );
      child.ended.then(() => {
        if (!child.isRetiring) this.#child = null;
        if (child.idleEnd !== null && this.#killed === null) this.#options.hidden.report(child.idleEnd);
      });
      return child;
    } catch (cause) {
      this.#child = null;
      throw cause;
    }
  }

  async #send(batch: Batch, how: How): Promise<Outcome[]> {
    let child = await this.open();
    while (child.isRetiring) child = await this.open();
    return child.use(async () => {
      const [first] = batch.documents as [Batch['documents'][number]];
      if (this.#isCancelled(batch)) return [cancelled(first)];
      if (this.#isLarge(batch)) await this.#sendPieces(child, batch, how.region);
      if (this.#isCancelled(batch)) return [cancelled(first)];
      const cancellable = this.#cancelling?.may(first.index) ? first.index : null; // it is alone in its batch
      const asked = await child.ask(this.#message(batch, how), cancellable);
      const replies = child.withResults(asked as Extract<Answer, { kind: 'replies' }>);
      this.#deaths.progress();
      if (child.isNearLimit) this.#retire(child);
      this.#learnResults(replies, batch.documents.length);
      return outcomesOf(batch, processWorker(child.pid), replies);
    });
  }

  #learnResults({ filed = [] }: Replies, documents: number): void {
    let bytes = 0;
    for (const { parts } of filed) for (const part of parts) bytes += part.bytes;
    this.#resultBytes += (bytes / documents - this.#resultBytes) / 4;
  }

  /** True for a document that is larger than a region. It is always alone in its batch. */
  #isLarge({ documents: [document] }: Batch): boolean {
    return (document as Batch['documents'][number]).bytes.length > this.#options.regionBytes;
  }

  async #sendPieces(child: QueueChild, batch: Batch, region: number): Promise<void> {
    const { bytes } = batch.documents[0] as Batch['documents'][number];
    const { regionBytes } = this.#options;
    for (let at = 0; at < bytes.length && !this.#isCancelled(batch); at += regionBytes) {
      const piece = bytes.subarray(at, at + regionBytes);
      await child.ask({
        kind: 'piece',
        size: bytes.length,
        at,
        length: piece.length,
        bytes: this.#place([piece], [piece.length], region) ?? piece,
      });
    }
  }

  #message(batch: Batch, { region, watched, alone = false }: How): BatchMessage {
    const { documents } = batch;
    const bytes = documents.map(({ bytes }) => bytes);
    const lengths = bytes.map(({ length }) => length);
    return {
      kind: 'batch',
      ids: documents.map(({ id }) => id),
      indexes: documents.map(({ index }) => index),
      lengths,
      documents: this.#isLarge(batch) ? 'pieces' : (this.#place(bytes, lengths, region) ?? bytes),
      ...(documents.some(isByReference) && { by: documents.map(({ by }) => by) }),
      watched,
      ...(alone && this.#runsSeveral && { alone }),
    };
  }

  /**
   * Writes the documents into the region and returns their position; `null` when they must travel in the
   * message.
   */
  #place(bytes: readonly Uint8Array[], lengths: readonly number[], region: number): number | null {
    const { fd, offset, regionBytes, regions } = this.#options;
    if (fd === null || this.#fileFailed || region >= regions) return null;
    if (lengths.reduce((sum, length) => sum + length, 0) > regionBytes) return null;
    const position = offset + region * regionBytes;
    try {
      writeRegion(fd, bytes, position);
      return position;
    } catch (cause) {
      // A copy-on-write file system can be full although the space was filled with zeros before.
      this.#fileFailed = true;
      process.emitWarning(
        `queue: documents of one worker travel in messages from now on: ${messageOf(cause)}`,
      );
      return null;
    }
  }

  async #oneByOne({ documents, pulledMs }: Batch, region: number): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const [i, document] of documents.entries()) {
      outcomes.push(await this.#alone({ documents: [document], pulledMs: [pulledMs[i] as number] }, region));
    }
    return outcomes;
  }

  /**
   * Runs a batch of one, until a child answers, until it has ended its last worker, or until the lane is
   * given up.
   */
  async #alone(batch: Batch, region: number): Promise<Outcome> {
    const [document] = batch.documents as [Batch['documents'][number]];
    // It may have run already, in a batch whose child ended while it ran some document, perhaps another one.
    let runs = 1;
    let workersEnded = 0;
    while (this.#stopped === null) {
      try {
        const [outcome] = await this.#send(batch, { region, watched: true, alone: true });
        return outcome as Outcome;
      } catch (cause) {
        this.#freeClaims(batch);
        const ended = this.#ended(batch, cause);
        if (ended !== null) return ended;
        if (isCancelled(cause)) continue; // another document was
        if (!(cause instanceof Death && cause.began)) {
          this.#deaths.endedBeforeStart(cause);
          continue;
        }
        this.#deaths.endedWithoutResult(cause);
        runs++;
        workersEnded++;
        if (!runsAgain({ runs, workersEnded }, maxRuns.reportedTogether))
          return crashed(document, cause, workersEnded);
      }
    }
    return crashed(document, this.#stopped);
  }

  /** The child that had the batch has ended. */
  #freeClaims({ documents }: Batch): void {
    for (const document of documents) this.#options.callerEnd.freeClaims(document);
  }

  /**
   * Returns the outcome of the only document of a batch when that was cancelled, or when the child was killed
   * because it took too long, else null.
   */
  #ended(batch: Batch, cause: unknown): Outcome | null {
    const [document] = batch.documents as [Batch['documents'][number]];
    if (this.#isCancelled(batch)) return cancelled(document);
    if (!(cause instanceof Death && cause.timedOut && cause.began) || batch.documents.length !== 1)
      return null;
    return timedOut(document, this.#options.timeoutMs as number);
  }

  #isCancelled({ documents }: Batch): boolean {
    const [document] = documents;
    return documents.length === 1 && document !== undefined && this.#cancelling?.has(document.index) === true;
  }
}

/** A child that ends tasks itself is only killed when it does not do so, ms. */
const moreGraceMs = 4000;

/** How a batch is sent. */
interface How {
  readonly region: number;
  readonly watched: boolean;
  readonly alone?: boolean;
}

/** Says how the children of this strategy start, what they answer with, and how long a batch may take. */
function childKind(options: ProcessLaneOptions): ChildKind<ToChild> {
  const { workload, workers, fd, services, timeoutMs, heapMb, perChild, watchesTime, inside } = options;
  return {
    get start() {
      const own = { workload, workers, fd: fd === null ? null : 4, services, timeoutMs, heapMb };
      return { ...inside, ...own, perWorker: perChild.perWorker } satisfies Start;
    },
    ...(!watchesTime && { moreGraceMs }),
    atOnce: () => perChild.atOnce,
    isAlone: (message) => message.kind === 'batch' && message.alone === true,
    answers: ['replies', 'piece', 'report'] satisfies Answer['kind'][],
    limitOf: (message) =>
      message.kind !== 'batch' || timeoutMs === undefined || !watchesTime
        ? null
        : { ms: timeoutMs, isWatched: message.watched },
  };
}

function isByReference({ by }: CarriedDocument): boolean {
  return by !== undefined;
}

/** Tells whether the child was killed, or the request dropped, because a document was cancelled. */
function isCancelled(cause: unknown): boolean {
  return cause instanceof Death && cause.cancelled;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
