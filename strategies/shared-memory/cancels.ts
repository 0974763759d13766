import { clearTimeout, setTimeout } from 'node:timers';
import { type Cancelling, cancelGrace } from '../session/cancelling.js';
import { cancelled } from '../session/outcome.js';
import type { ClaimTable } from './claim-table.js';
import type { ArenaParts, FeedingLoop } from './feeding-loop.js';
import type { PublishedDocument, SlabQueue } from './slab-queue.js';
import type { ThreadLane } from './thread-lane.js';

/** After its time a document is looked at again this often, ms, as long as its task has not begun. */
const lookMs = 50;

/**
 * Cancels single documents of an arena's run, as `session/cancelling.ts` asks. A document is in one of four
 * places:
 *
 *   not published        the loop takes it out of its backlog, or refuses it when it arrives there
 *   not claimed          the caller takes its slot back (`ClaimTable.withdraw`): no worker can claim it then
 *   its task runs        the worker is killed after `cancelGrace.ms` if the task still runs
 *   ended, not reported  its outcome arrives with the others of its worker
 *
 * `WorkerDeaths` then gives the killed worker's documents to others.
 */
export class Cancels {
  readonly #table: ClaimTable;
  readonly #queues: readonly SlabQueue[];
  readonly #lanes: readonly ThreadLane[];
  readonly #loop: FeedingLoop;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Workers that were killed because of a cancelled document, by the number of their lane. */
  readonly #killed = new Set<number>();
  #cancelling: Cancelling | null = null;

  constructor({ table, queues, lanes }: ArenaParts, loop: FeedingLoop) {
    this.#table = table;
    this.#queues = queues;
    this.#lanes = lanes;
    this.#loop = loop;
  }

  /** A run begins. */
  begin(cancelling: Cancelling): void {
    this.#cancelling = cancelling;
  }

  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Tells whether the document with this index was cancelled. */
  has(index: number): boolean {
    return this.#cancelling?.has(index) ?? false;
  }

  cancel(index: number): void {
    if (this.#loop.withdraw(index)) return;
    for (const queue of this.#queues) {
      const slot = queue.find(index);
      if (slot === null) continue;
      if (this.#table.withdraw(slot)) this.remove(queue, slot);
      else this.#lookAfter(cancelGrace.ms, { queue, slot, published: queue.at(slot) });
    }
  }

  /** Gives the cancelled document in the slot its outcome. */
  remove(queue: SlabQueue, slot: number): void {
    this.#loop.add(cancelled(queue.remove(slot)));
    this.#loop.wake();
  }

  /** Tells once whether the lane's worker, which has ended, was killed because of a cancelled document. */
  hasKilled(lane: ThreadLane): boolean {
    return this.#killed.delete(lane.number);
  }

  #lookAfter(ms: number, claimed: ClaimedDocument): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#look(claimed);
    }, ms);
    this.#timers.add(timer);
  }

  #look(claimed: ClaimedDocument): void {
    const { queue, slot, published } = claimed;
    if (queue.at(slot) !== published) return; // it has its outcome
    const lane = this.#lanes.find(({ number }) => this.#table.isOwner(slot, number));
    if (lane !== undefined && this.#table.runningTask(slot) !== 0) {
      this.#killed.add(lane.number);
      lane.kill();
    } else if (!this.#table.isFinished(slot)) this.#lookAfter(lookMs, claimed);
  }
}

/** A cancelled document that a worker has claimed. */
interface ClaimedDocument {
  readonly queue: SlabQueue;
  readonly slot: number;
  readonly published: PublishedDocument;
}
