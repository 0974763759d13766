import { setImmediate } from 'node:timers';
import type { Cancelling } from '../session/cancelling.js';
import { cancelled, crashed, withRead, withServed } from '../session/outcome.js';
import { freeReceivedBuffers } from '../session/received-buffers.js';
import type { CarriedDocuments } from '../session/reference.js';
import type { Emit, Outcome, TaskError } from '../strategy.js';
import { now } from '../worker/clock.js';
import { Ahead, type AheadLimits } from './ahead.js';
import type { ClaimTable } from './claim-table.js';
import { type Columns, valuesOf } from './columns.js';
import { Feed, type PulledDocument, type Window } from './feed.js';
import type { Outcomes } from './protocol.js';
import type { SlabQueue } from './slab-queue.js';
import type { ThreadLane } from './thread-lane.js';

/** How documents are split over queues: the only difference between the strategies that use the arena. */
export interface QueueSplit {
  /**
   * The number of queues is 1 (all workers claim from it) or equals the number of workers (each has its own).
   */
  readonly queues: number;
  /** Documents are taken from the source and split one window at a time. */
  readonly window: Window;
  /** Limits the documents in front of the workers; absent: the arena and the window do. */
  readonly ahead?: AheadLimits;
  /**
   * Begins a run. The returned function puts each document of a window into the list of one of the queues.
   */
  begin(): (window: readonly PulledDocument[]) => readonly (readonly PulledDocument[])[];
}

/** The parts of a session that its loop and its handling of deaths work on. */
export interface ArenaParts {
  readonly table: ClaimTable;
  readonly queues: readonly SlabQueue[];
  readonly lanes: readonly ThreadLane[];
}

/** After this many documents or bytes are published, workers may be woken and outcomes are read. */
const stride = { documents: 64, bytes: 2 ** 20 };
/** The loop lets other callbacks of the caller's thread run after at most this many milliseconds. */
const turnMs = 4;

/**
 * The loop on the caller's thread. It emits the outcomes that have been reported, publishes documents while
 * there is room, and rests when it can do neither. A message from a worker, a document of an asynchronous
 * source or the death of a worker calls `wake`, which continues it. Only the loop takes documents and emits
 * outcomes. Therefore the two happen one after the other, and neither happens while a promise of `emit` is
 * awaited.
 *
 * No more documents are in front of the workers than `ahead.ts` allows, since each would only wait longer,
 * and no more are taken from the source than that. A worker's message says that there is room again: workers
 * report every few milliseconds, and before they sleep while the loop rests.
 *
 * Workers sleep while their queue is empty. After each stride of published documents the loop wakes as many
 * as are worth it (`wake-ups.ts`), and one for each document before it waits for anything. Before it rests,
 * it sets `eager`, and wakes the workers that sleep with outcomes: workers then report their outcomes before
 * they sleep, because the next document may take long to arrive, or may wait for these very outcomes.
 */
export class FeedingLoop {
  readonly #table: ClaimTable;
  readonly #queues: readonly SlabQueue[];
  readonly #lanes: readonly ThreadLane[];
  readonly #split: QueueSplit;
  readonly #ahead: Ahead;
  readonly #workersPerQueue: number;
  /** The reason why no worker serves a queue any longer, by queue; null while one does. */
  readonly #abandoned: ({ readonly cause: unknown } | null)[];
  /** Documents that are split and not yet published, by queue. */
  #backlog: PulledDocument[][] = [];
  #outcomes: Outcome[] = [];
  /** True when an outcome has buffers that were moved here. */
  #hasMoved = false;
  #cancelling: Cancelling | null = null;
  #perWorker: number;
  #wake = () => {};

  constructor({ table, queues, lanes }: ArenaParts, split: QueueSplit, perWorker: number) {
    this.#table = table;
    this.#queues = queues;
    this.#lanes = lanes;
    this.#split = split;
    this.#ahead = new Ahead(split.ahead ?? null);
    this.#workersPerQueue = lanes.length / queues.length;
    this.#abandoned = queues.map(() => null);
    this.#perWorker = perWorker;
    table.setPerWorker(perWorker);
  }

  /** Workers run this many documents at the same time from now on. */
  setPerWorker(perWorker: number): void {
    const isMore = perWorker > this.#perWorker;
    this.#perWorker = perWorker;
    this.#table.setPerWorker(perWorker);
    if (isMore) for (const lane of this.#lanes) lane.allowMore();
    for (const { queue } of this.#queues) this.#table.wake(queue, this.#lanes.length);
    this.#wake();
  }

  /** Forgets which queues were abandoned: the workers are replaced when a run begins. */
  reset(): void {
    this.#backlog = this.#queues.map(() => []);
    this.#abandoned.fill(null);
  }

  async run(documents: CarriedDocuments, emit: Emit, cancelling: Cancelling): Promise<void> {
    this.#cancelling = cancelling;
    const feed = new Feed(documents, this.#split.window, () => this.wake());
    this.#ahead.begin(feed.isSync);
    try {
      await this.#work(feed, emit);
    } catch (cause) {
      // `emit` has thrown. The published documents finish and their outcomes are discarded, so that another
      // run can follow.
      feed.stop();
      this.#backlog = this.#queues.map(() => []);
      await this.#work(new Feed([], this.#split.window, () => {}), () => {});
      throw cause;
    }
    if (feed.failure !== null) throw feed.failure.cause;
  }

  /** Continues the loop when it rests. */
  wake(): void {
    this.#wake();
  }

  /** Adds an outcome that no worker reports. It is emitted after the next `wake`. */
  add(outcome: Outcome): void {
    this.#outcomes.push(outcome);
  }

  /** Takes a cancelled document out of the backlog. Returns false when it is not there. */
  withdraw(index: number): boolean {
    for (const [queue, list] of this.#backlog.entries()) {
      const place = list.findIndex(({ document }) => document.index === index);
      if (place < 0) continue;
      this.add(cancelled((list[place] as PulledDocument).document));
      this.#backlog[queue] = list.toSpliced(place, 1);
      this.#wake();
      return true;
    }
    return false;
  }

  /** Takes the outcomes of one message of a worker and frees the slots of their documents. */
  receive(lane: ThreadLane, { slots, values: sent, timedOut, served, hasMoved }: Outcomes): void {
    if (hasMoved) this.#hasMoved = true;
    const queue = this.#queues[lane.queue] as SlabQueue;
    const worker = lane.workerId;
    const statusOf = (slot: number) => (timedOut?.includes(slot) ? 'timed-out' : 'failed');
    const values = Array.isArray(sent) ? sent : valuesOf(sent as Columns, slots.length);
    const first = this.#outcomes.length;
    for (let i = 0; i < slots.length; i++) {
      const mark = slots[i] as number;
      const slot = mark < 0 ? ~mark : mark;
      const startedMs = this.#table.startedMs(slot);
      const taskMs = this.#table.taskMs(slot);
      this.#ahead.learn(taskMs);
      const { index, id, pulledMs, by } = queue.at(slot);
      const wasRead = by === undefined ? null : this.#table.wasRead(slot);
      queue.remove(slot);
      const queuedMs = startedMs - pulledMs;
      const outcome: Outcome =
        mark < 0
          ? { index, id, worker, queuedMs, taskMs, status: statusOf(slot), error: values[i] as TaskError }
          : { index, id, worker, queuedMs, taskMs, status: 'ok', value: values[i] };
      this.#outcomes.push(wasRead === null ? outcome : withRead(outcome, wasRead));
    }
    if (served !== undefined)
      for (const each of served) withServed(this.#outcomes[first + each.at] as Outcome, each);
    this.#wake();
  }

  /**
   * Marks a queue that no worker serves any longer: its documents, and those split to it later in the run,
   * have crashed.
   */
  abandon(queue: number, cause: unknown): void {
    this.#abandoned[queue] ??= { cause };
    const abandoned = this.#queues[queue] as SlabQueue;
    for (const slot of abandoned.slots()) this.#outcomes.push(crashed(abandoned.remove(slot), cause));
    this.#wake();
  }

  async #work(feed: Feed, emit: Emit): Promise<void> {
    const split = this.#split.begin();
    let turnedMs = now();
    for (;;) {
      for (const lane of this.#lanes) lane.poll();
      const slow = this.#emitAll(emit);
      if (slow !== undefined) {
        this.#announceAll();
        await slow;
      }
      const more = this.#fill(feed, split);
      if (more) this.#table.setEager(false);
      if (this.#outcomes.length > 0) continue;
      if (more) {
        if (now() - turnedMs < turnMs) continue;
        this.#announceAll();
        await new Promise(setImmediate);
      } else {
        if (feed.ended && this.#isEmpty()) return;
        await this.#rest();
      }
      turnedMs = now();
    }
  }

  /** Emits what has been reported, in its order. Returns a promise as soon as an `emit` has returned one. */
  #emitAll(emit: Emit): Promise<void> | undefined {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    for (let i = 0; i < outcomes.length; i++) {
      const slow = emit(outcomes[i] as Outcome);
      if (slow) return emitRest(slow, outcomes.slice(i + 1), emit);
    }
    if (this.#hasMoved) {
      this.#hasMoved = false;
      outcomes.length = 0;
      freeReceivedBuffers();
    }
    return undefined;
  }

  /**
   * Publishes a stride of documents per queue, while there is room. Returns whether more may be published at
   * once.
   */
  #fill(feed: Feed, split: ReturnType<QueueSplit['begin']>): boolean {
    const pulled = this.#accepted(feed.pull(this.#room()));
    if (pulled.length > 0) this.#append(split(pulled));
    const ready = this.#ahead.published(this.#workersPerQueue * this.#perWorker);
    const nowMs = now();
    let more = false;
    for (const queue of this.#queues) {
      const list = this.#backlog[queue.queue] as PulledDocument[];
      const published = this.#abandoned[queue.queue]
        ? this.#refuse(queue.queue, list)
        : publishStride(queue, list, ready);
      if (published > 0) this.#backlog[queue.queue] = list.slice(published);
      if (published > 0 && published < list.length) more = true;
      queue.announce(this.#ahead.taskMs, nowMs);
    }
    return more || (this.#isPublished() && !feed.waiting && !feed.ended && this.#room() > 0);
  }

  #append(lists: readonly (readonly PulledDocument[])[]): void {
    for (let queue = 0; queue < lists.length; queue++) {
      const list = lists[queue] as readonly PulledDocument[];
      const before = this.#backlog[queue] as PulledDocument[];
      this.#backlog[queue] = before.length === 0 ? [...list] : [...before, ...list];
    }
  }

  /** Leaves out documents that were cancelled on their way here. */
  #accepted(pulled: PulledDocument[]): PulledDocument[] {
    const isCancelled = ({ document }: PulledDocument) => this.#cancelling?.has(document.index) === true;
    if (!pulled.some(isCancelled)) return pulled;
    for (const one of pulled) if (isCancelled(one)) this.add(cancelled(one.document));
    return pulled.filter((one) => !isCancelled(one));
  }

  /**
   * Counts the documents that may be taken from the source: none as long as every queue has a backlog, or the
   * backlogs together hold the bytes of a window.
   */
  #room(): number {
    if (this.#backlog.every((list) => list.length > 0)) return 0;
    let waiting = 0;
    let unclaimed = 0;
    let bytes = 0;
    for (const list of this.#backlog) {
      waiting += list.length;
      for (const { document } of list) bytes += document.bytes.length;
    }
    for (const { queue } of this.#queues) unclaimed += this.#table.unclaimed(queue);
    const window = this.#split.window;
    if (bytes >= window.bytes) return 0;
    const pulled = this.#ahead.pulled(this.#lanes.length * this.#perWorker);
    return Math.min(pulled - waiting - unclaimed, window.documents - waiting);
  }

  /** True when every document that was split is published. */
  #isPublished(): boolean {
    return this.#backlog.every((list) => list.length === 0);
  }

  #isEmpty(): boolean {
    return this.#isPublished() && this.#queues.every((queue) => queue.count === 0);
  }

  /** Wakes workers for all documents that wait. */
  #announceAll(): void {
    for (const queue of this.#queues) queue.announceAll();
  }

  /** Rests until `wake` is called. */
  async #rest(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#table.setEager(true);
    this.#announceAll();
    for (const { queue, number } of this.#lanes)
      if (this.#table.isKeeping(number)) this.#table.wake(queue, this.#lanes.length);
    await woken;
  }

  /** Lets the documents of an abandoned queue crash; returns their number. */
  #refuse(queue: number, list: readonly PulledDocument[]): number {
    for (const { document } of list) this.#outcomes.push(crashed(document, this.#abandoned[queue]?.cause));
    return list.length;
  }
}

/**
 * Publishes a stride of the documents, or as many as there is room for; returns their number.
 * @param ready documents that may be published and unclaimed
 */
function publishStride(queue: SlabQueue, list: readonly PulledDocument[], ready: number): number {
  if (list.length === 0) return 0;
  const limit = Math.min(list.length, stride.documents, ready - queue.unclaimed);
  let bytes = 0;
  let published = 0;
  while (published < limit && bytes < stride.bytes) {
    const pulled = list[published] as PulledDocument;
    if (!queue.publish(pulled)) break;
    bytes += pulled.document.bytes.length;
    published++;
  }
  return published;
}

async function emitRest(slow: Promise<void>, rest: readonly Outcome[], emit: Emit): Promise<void> {
  await slow;
  for (const outcome of rest) await emit(outcome);
}
