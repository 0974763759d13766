import { DeathCount, maxRuns, runsAgain } from '../session/attempts.js';
import type { HiddenEnds } from '../session/hidden-ends.js';
import { crashed, timedOut } from '../session/outcome.js';
import type { CallerEnd } from '../session/side-channel.js';
import type { Cancels } from './cancels.js';
import type { ClaimTable } from './claim-table.js';
import type { ArenaParts, FeedingLoop } from './feeding-loop.js';
import type { Outcomes } from './protocol.js';
import type { SlabQueue } from './slab-queue.js';
import type { ThreadLane } from './thread-lane.js';
import type { Watchdog } from './watchdog.js';

/** The handling of deaths works with these, beside the parts of the arena. */
export interface DeathsParts {
  readonly loop: FeedingLoop;
  readonly watchdog: Watchdog | null;
  readonly cancels: Cancels;
  readonly hidden: HiddenEnds;
  readonly callerEnd: CallerEnd;
  /** Called when a queue has no worker any more, so that its documents have crashed. */
  readonly abandoned: (cause: Error) => void;
}

/**
 * Decides what happens when a worker has died: to the document it was running, to the other documents it had
 * claimed, and to its lane. A worker that the watchdog has killed ends here, too: the document that exceeded
 * the limit has timed out if it was still running. If the worker had already moved on to another document,
 * that one counts as claimed and not begun. A worker that was killed because of a cancelled document counts
 * for nothing: its other documents run again as if it had never had them.
 *
 * When several documents were running in the worker, none of them is known to be to blame, whether it died or
 * was too slow: one that computes holds up all others. Each of them has run, and runs again alone.
 */
export class WorkerDeaths {
  readonly #table: ClaimTable;
  readonly #queues: readonly SlabQueue[];
  readonly #lanes: readonly ThreadLane[];
  readonly #loop: FeedingLoop;
  readonly #watchdog: Watchdog | null;
  readonly #cancels: Cancels;
  readonly #deaths: readonly DeathCount[];
  readonly #givenUp = new Set<ThreadLane>();
  readonly #hidden: HiddenEnds;
  readonly #callerEnd: CallerEnd;
  readonly #abandoned: DeathsParts['abandoned'];
  /** Slots of documents that run again, with the ends of the workers that ran them. */
  readonly #again = new Map<number, unknown>();
  #running = false;

  constructor(
    { table, queues, lanes }: ArenaParts,
    { loop, watchdog, cancels, hidden, callerEnd, abandoned }: DeathsParts,
  ) {
    this.#table = table;
    this.#queues = queues;
    this.#lanes = lanes;
    this.#loop = loop;
    this.#watchdog = watchdog;
    this.#cancels = cancels;
    this.#hidden = hidden;
    this.#callerEnd = callerEnd;
    this.#abandoned = abandoned;
    this.#deaths = lanes.map(() => new DeathCount());
  }

  /** Begins a run: replaces the workers that have died since the previous one, and starts the watchdog. */
  begin(): void {
    this.#running = true;
    for (const deaths of this.#deaths) deaths.reset();
    this.#givenUp.clear();
    this.#again.clear();
    for (const lane of this.#lanes) this.#replace(lane, []);
    this.#watchdog?.begin();
  }

  end(): void {
    this.#running = false;
    this.#watchdog?.end();
  }

  /** Notes that the lane's worker has reported documents. */
  reported(lane: ThreadLane, { slots }: Outcomes): void {
    this.#deathsOf(lane).progress();
    if (this.#again.size === 0) return;
    for (const mark of slots) {
      const slot = mark < 0 ? ~mark : mark;
      if (this.#again.has(slot)) this.#hidden.report(this.#again.get(slot));
      this.#again.delete(slot);
    }
  }

  /**
   * The document that was running runs again, on the lane's next worker, and has crashed when that one dies,
   * too. Documents that were finished but not reported run again as well, on any worker. A document that has
   * one run left, or that was running beside others, goes to the lane's next worker first. That worker runs
   * such documents one after the other and reports each immediately, so that none is lost with others again.
   */
  handle(lane: ThreadLane, cause: unknown): void {
    const queue = this.#queues[lane.queue] as SlabQueue;
    const isCancelled = (slot: number) => this.#cancels.has(queue.at(slot).index);
    const isRunning = (slot: number) => this.#table.runningTask(slot) !== 0;
    const verdict = this.#watchdog?.verdict(lane.number) ?? null;
    const slots = queue.slotsOf(lane.number);
    const together = slots.filter(isRunning);
    const isAlone = together.length === 1;
    const counts = !this.#cancels.hasKilled(lane) && !together.some(isCancelled);
    const first: number[] = [];
    let isHidden = counts && verdict === null;
    this.#callerEnd.freeUnwritten();
    for (const slot of slots) {
      const published = queue.at(slot);
      this.#callerEnd.freeClaims(published);
      const running = isRunning(slot);
      if (isCancelled(slot)) {
        this.#again.delete(slot);
        this.#cancels.remove(queue, slot);
        continue;
      }
      if (running && isAlone && verdict === 'timed-out') {
        this.#loop.add(timedOut(queue.remove(slot), this.#watchdog?.timeoutMs ?? 0));
        continue;
      }
      if (counts && (running || this.#table.isFinished(slot))) published.runs++;
      if (counts && running && isAlone && verdict === null) published.workersEnded++;
      if (!runsAgain(published, maxRuns.reportedTogether)) {
        isHidden = false;
        this.#again.delete(slot);
        this.#loop.add(crashed(queue.remove(slot), cause, published.workersEnded));
        continue;
      }
      if (counts && running && verdict === null) {
        isHidden = false; // unless it is done in the end
        this.#again.set(slot, cause);
      }
      if (published.workersEnded > 0 || (counts && running && !isAlone)) first.push(slot);
      else if (published.runs >= maxRuns.reportedTogether - 1) first.unshift(slot);
      else queue.republish(slot);
    }
    if (isHidden) this.#hidden.report(cause);
    // A time-out is no sign of repeated deaths.
    if (counts && verdict === null) this.#deathsOf(lane).endedWithoutResult(cause);
    const { stopped } = this.#deathsOf(lane);
    if (stopped !== null) this.#giveUp(lane, stopped);
    else if (this.#running) this.#replace(lane, first);
    // The dead worker may have received the last notification.
    this.#table.wake(lane.queue, this.#lanes.length);
    this.#loop.wake();
  }

  /**
   * The lane's worker has ended between two documents, because its heap was near its limit. It may
   * still have documents that it was to begin with.
   */
  retired(lane: ThreadLane): void {
    const queue = this.#queues[lane.queue] as SlabQueue;
    if (this.#running) this.#replace(lane, queue.slotsOf(lane.number));
    // It may have received the last notification.
    this.#table.wake(lane.queue, this.#lanes.length);
    this.#loop.wake();
  }

  #deathsOf(lane: ThreadLane): DeathCount {
    return this.#deaths[lane.number] as DeathCount;
  }

  #replace(lane: ThreadLane, first: readonly number[]): void {
    for (const slot of first) this.#table.assign(slot, lane.number);
    lane.open(first).catch((cause: unknown) => {
      this.#deathsOf(lane).endedBeforeStart(cause);
      const { stopped } = this.#deathsOf(lane);
      if (stopped !== null) return this.#giveUp(lane, stopped);
      const left = first.filter((slot) => this.#table.isOwner(slot, lane.number)); // others were cancelled
      if (this.#running) this.#replace(lane, left);
    });
  }

  /**
   * Stops replacing the lane's worker. Its documents go to the other workers of the queue, and crash when
   * there are none.
   */
  #giveUp(lane: ThreadLane, cause: Error): void {
    this.#givenUp.add(lane);
    const queue = this.#queues[lane.queue] as SlabQueue;
    if (this.#lanes.some((other) => other.queue === lane.queue && !this.#givenUp.has(other))) {
      // The next worker would have begun with these.
      for (const slot of queue.slotsOf(lane.number)) queue.republish(slot);
      this.#loop.wake();
    } else {
      this.#abandoned(cause);
      this.#loop.abandon(lane.queue, cause);
    }
  }
}
