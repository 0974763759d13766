import { Death } from '../processes/death.js';
import { DeathCount, maxRuns, runsAgain } from '../session/attempts.js';
import type { Cancelling } from '../session/cancelling.js';
import { cancelled, crashed, timedOut } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import type { Outcome } from '../strategy.js';
import { processWorker } from '../worker/worker-id.js';
import { BatchMessages, type BatchMessagesOptions, type How } from './batch-messages.js';
import { LaneChildren, type LaneChildrenOptions } from './lane-children.js';
import type { Answer } from './protocol.js';
import type { Batch } from './puller.js';
import { outcomesOf, type Replies } from './replies.js';

export type ProcessLaneOptions = LaneChildrenOptions & BatchMessagesOptions;

/**
 * A batch puts results of about this size into the child's file. It is a quarter of the file: the child may
 * hold two batches, and sizes vary.
 */
const maxResultBytes = 2 ** 22;

/**
 * Gives each document of a batch its outcome, also when the worker process that has it ends.
 *
 * The batch goes to the lane's child (`lane-children.ts`) as a message (`batch-messages.ts`). When the child
 * ends, the documents of every unanswered request are sent again to the next one. They are sent one by one
 * and watched, unless `protocol.ts` says that the batch is sent again as it is. `session/attempts.ts` says
 * how often a document is sent in this way. A document that takes too long has timed out only if it was alone
 * in its batch, because otherwise its neighbours' time would count as its own.
 */
export class ProcessLane {
  /** The session opens, cancels and closes here. */
  readonly children: LaneChildren;
  readonly #options: ProcessLaneOptions;
  readonly #messages: BatchMessages;
  /** Large documents travel and run one after the other, so that the child holds one of them at a time. */
  #large: Promise<void> = Promise.resolve();
  #retries: Promise<unknown> = Promise.resolve();
  readonly #deaths = new DeathCount();
  #cancelling: Cancelling | null = null;
  /** Bytes of a result that travel in the child's file, as a moving average. */
  #resultBytes = 0;

  constructor(options: ProcessLaneOptions) {
    this.#options = options;
    this.children = new LaneChildren({ ...options, abandoned: (cause) => this.#deaths.stop(cause) });
    this.#messages = new BatchMessages(options);
  }

  /** True when the lane is given up: every document that it gets has crashed. */
  get broken(): boolean {
    return this.#stopped !== null;
  }

  /** Number of documents whose results fit into a batch's part of the child's file, by the latest results. */
  get maxResults(): number {
    return Math.max(1, Math.floor(maxResultBytes / this.#resultBytes));
  }

  /** Begins a run: a lane that was given up starts workers again, and so does its child. */
  reset(cancelling: Cancelling): void {
    this.#cancelling = cancelling;
    this.#deaths.reset();
    if (this.#options.inside !== undefined) this.children.tell({ kind: 'run' });
  }

  /** The reason why its processes are not replaced any more; null while they are. */
  get #stopped(): Error | null {
    return this.children.killed ?? this.#deaths.stopped;
  }

  /**
   * Gives each document one outcome and never rejects.
   * @param region the region of the lane that the caller uses
   */
  async process(batch: Batch, region: number): Promise<Outcome[]> {
    if (!this.#messages.isLarge(batch)) return this.#process(batch, region);
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
        return await this.#send(batch, { region, watched, alone: false });
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

  /** Reports the end of a child when all its documents have outcomes, and none of them shows it. */
  #explain(end: Death, outcomes: readonly Outcome[]): void {
    const { unanswered } = end;
    if (outcomes.some(({ status }) => status === 'crashed' || status === 'timed-out'))
      unanswered.isExplained = true;
    unanswered.requests--;
    if (unanswered.requests === 0 && !unanswered.isExplained) this.#options.hidden.report(end);
  }

  #send(batch: Batch, how: How): Promise<Outcome[]> {
    return this.children.use(async (child) => {
      const [first] = batch.documents as [CarriedDocument];
      if (this.#isCancelled(batch)) return [cancelled(first)];
      if (this.#messages.isLarge(batch))
        for (const piece of this.#messages.pieces(batch, how.region)) {
          await child.ask(piece);
          if (this.#isCancelled(batch)) return [cancelled(first)];
        }
      const message = this.#messages.batch(batch, { ...how, alone: how.alone && this.#runsSeveral });
      const cancellable = this.#cancelling?.may(first.index) ? first.index : null; // it is alone in its batch
      const replies = child.withResults((await child.ask(message, cancellable)) as BatchReplies);
      this.#deaths.progress();
      if (child.isNearLimit) this.children.retire(child);
      this.#learnResults(replies, batch.documents.length);
      return outcomesOf(batch, processWorker(child.pid), replies);
    });
  }

  #learnResults({ filed = [] }: Replies, documents: number): void {
    let bytes = 0;
    for (const { parts } of filed) for (const part of parts) bytes += part.bytes;
    this.#resultBytes += (bytes / documents - this.#resultBytes) / 4;
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
    const [document] = batch.documents as [CarriedDocument];
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
    const [document] = batch.documents as [CarriedDocument];
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

type BatchReplies = Extract<Answer, { kind: 'replies' }>;

/** Tells whether the child was killed, or the request dropped, because a document was cancelled. */
function isCancelled(cause: unknown): boolean {
  return cause instanceof Death && cause.cancelled;
}
