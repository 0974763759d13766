import { crashed, mostAttempts, timedOut } from '../session/outcome.js';
import type { ClaimTable } from './claim-table.js';
import type { ArenaParts, FeedingLoop } from './feeding-loop.js';
import type { SlabQueue } from './slab-queue.js';
import type { ThreadLane } from './thread-lane.js';
import type { Watchdog } from './watchdog.js';

/**
 * A lane is given up after this many worker deaths in a row without a reported document: a dozen documents
 * that crash.
 */
const maxDeathsWithoutResult = 24;
/**
 * After this many deaths between a document's end and its report, its next worker runs and reports it before
 * any other.
 */
const maxUnreported = 2;

/**
 * Decides what happens when a worker has died: to the document it was running, to the other documents it had
 * claimed, and to its lane. A worker that the watchdog has killed ends here, too: the document that exceeded
 * the limit has timed out if it was still running. If the worker had already moved on to another document,
 * that one counts as claimed and not begun.
 */
export class WorkerDeaths {
  readonly #table: ClaimTable;
  readonly #queues: readonly SlabQueue[];
  readonly #lanes: readonly ThreadLane[];
  readonly #loop: FeedingLoop;
  readonly #watchdog: Watchdog | null;
  /** Number of deaths since the lane last reported a document, by lane. */
  readonly #deathsWithoutResult: number[];
  readonly #givenUp = new Set<ThreadLane>();
  #running = false;

  constructor({ table, queues, lanes }: ArenaParts, loop: FeedingLoop, watchdog: Watchdog | null) {
    this.#table = table;
    this.#queues = queues;
    this.#lanes = lanes;
    this.#loop = loop;
    this.#watchdog = watchdog;
    this.#deathsWithoutResult = lanes.map(() => 0);
  }

  /** Begins a run: replaces the workers that have died since the previous one, and starts the watchdog. */
  begin(): void {
    this.#running = true;
    this.#deathsWithoutResult.fill(0);
    this.#givenUp.clear();
    for (const lane of this.#lanes) this.#replace(lane, []);
    this.#watchdog?.begin();
  }

  end(): void {
    this.#running = false;
    this.#watchdog?.end();
  }

  /** Notes that the lane's worker has reported documents. */
  reported(lane: ThreadLane): void {
    this.#deathsWithoutResult[lane.number] = 0;
  }

  /**
   * The document that was running is run again by the lane's next worker, and has crashed when that one dies,
   * too. The other documents were claimed or finished but not reported, and any worker runs them again. A
   * document that loses its worker a second time in this way goes to the replacement worker first, which
   * reports it immediately instead of in a batch.
   */
  handle(lane: ThreadLane, cause: unknown): void {
    const queue = this.#queues[lane.queue] as SlabQueue;
    const verdict = this.#watchdog?.verdict(lane.number) ?? null;
    const runningSlot = this.#table.takeCurrent(lane.number);
    const first: number[] = [];
    for (const slot of queue.slotsOf(lane.number)) {
      const published = queue.at(slot);
      if (slot !== runningSlot || verdict === 'other') {
        if (++published.unreported >= maxUnreported) first.unshift(slot);
        else queue.republish(slot);
      } else if (verdict === 'timed-out')
        this.#loop.add(timedOut(queue.remove(slot), this.#watchdog?.timeoutMs ?? 0));
      else if (++published.crashes >= mostAttempts)
        this.#loop.add(crashed(queue.remove(slot), cause, published.crashes));
      else first.push(slot);
    }
    // A time-out is no sign of repeated deaths.
    if (verdict === null) (this.#deathsWithoutResult[lane.number] as number)++;
    const deaths = this.#deathsWithoutResult[lane.number] as number;
    if (deaths >= maxDeathsWithoutResult)
      this.#giveUp(
        lane,
        new Error(`${deaths} workers in a row ended before any document was done`, { cause }),
      );
    else if (this.#running) this.#replace(lane, first);
    // The dead worker may have received the last notification.
    this.#table.wake(lane.queue, this.#lanes.length);
    this.#loop.wake();
  }

  #replace(lane: ThreadLane, first: readonly number[]): void {
    for (const slot of first) this.#table.assign(slot, lane.number);
    lane.open(first).catch((cause: unknown) => this.#giveUp(lane, cause));
  }

  /**
   * Stops replacing the lane's worker. Its documents go to the other workers of the queue, and crash when
   * there are none.
   */
  #giveUp(lane: ThreadLane, cause: unknown): void {
    this.#givenUp.add(lane);
    const queue = this.#queues[lane.queue] as SlabQueue;
    if (this.#lanes.some((other) => other.queue === lane.queue && !this.#givenUp.has(other))) {
      // The next worker would have begun with these.
      for (const slot of queue.slotsOf(lane.number)) queue.republish(slot);
      this.#loop.wake();
    } else this.#loop.abandon(lane.queue, cause);
  }
}
