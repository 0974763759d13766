import type { Document, WorkloadRef } from '../../workloads/workload.js';
import { heapLimitMb, warnOfOverridingFlag } from '../processes/limits.js';
import { crashed, mostAttempts, timedOut } from '../session/outcome.js';
import { guarded } from '../session/session.js';
import type { Documents, Emit, Engine, Outcome, Session, TaskError } from '../strategy.js';
import { now } from '../worker/clock.js';
import { Control } from './claim-table.js';
import { Feed, type Pulled, type Window } from './feed.js';
import { type Arena, Bay } from './slab-queue.js';
import { Lane } from './thread-lane.js';
import { Watchdog } from './watchdog.js';
import type { Outcomes } from './worker.js';

/** How documents are dealt to queues: what makes the strategies over the arena different. */
export interface Deal {
  readonly queues: number;
  /** Documents are taken from the source so many at a time. */
  readonly window: Window;
  /** Begins a run. The function puts each document of a window into the list of one of the queues. */
  begin(): (window: readonly Pulled[]) => readonly (readonly Pulled[])[];
}

/** Of all queues together. */
export interface Room {
  /** Documents that are larger travel alone. */
  readonly slabBytes: number;
  readonly slabs: number;
  /** Documents published and not yet reported. */
  readonly slots: number;
}

/** A slab holds a document of 500 KB. Further ahead of the workers than a few milliseconds nothing is gained. */
const roomFor = (workers: number): Room => ({
  slabBytes: 512 * 1024,
  slabs: Math.max(32, 4 * workers),
  slots: Math.max(2048, 64 * workers),
});
/** Outcomes of so many documents, or of documents of so many bytes, are reported in one message. */
const flushDocuments = 256;
const flushBytes = 512 * 1024;
/** Longer than this nothing else on the caller's thread waits. */
const turnMs = 4;
/** Workers that in a row ended before they reported any document, until the lane is given up: a dozen documents that crash. */
const mostVainDeaths = 24;
/** Workers that ended without having reported a document, until it is run and reported before others are. */
const mostDeaths = 2;

export interface CrewOptions {
  readonly workers: number;
  readonly deal: Deal;
  readonly room?: Room;
  readonly timeoutMs?: number | undefined;
  readonly heapMb?: number | undefined;
}

export async function openCrew(workload: WorkloadRef, options: CrewOptions): Promise<Session> {
  warnOfOverridingFlag();
  const crew = new Crew(workload, options);
  await crew.open();
  return guarded({
    run: (documents, emit) => crew.run(documents, emit),
    members: async () => ({ processes: [], engines: await crew.report() }),
    close: () => crew.close(),
    kill: () => crew.kill(),
  });
}

/**
 * Worker threads over one arena and its claim table, and the loop on the caller's thread that feeds them. The loop
 * emits what has been reported, publishes what there is room for, and rests when there is nothing to do of either;
 * a message from a worker, a document of an asynchronous source or the end of a worker continues it. Nothing but the
 * loop takes documents or emits outcomes, so that both happen one after the other, and neither while a promise of
 * `emit` is awaited.
 *
 * A watchdog looks at what each worker has in its hands while a run is under way. Who is found with the same task for as long
 * as a task may take is told to end. When it has ended, the document that was judged has timed out, if it is still the one in
 * its hands; a document that came into them in between is run again like one that was claimed and not begun.
 */
class Crew {
  readonly #deal: Deal;
  readonly #control: Control;
  readonly #bays: readonly Bay[];
  readonly #lanes: readonly Lane[];
  /** By lane: deaths since it last reported. */
  readonly #vainDeaths: number[];
  /** By queue: why nobody works at it any longer; null while somebody does. */
  readonly #abandoned: ({ readonly cause: unknown } | null)[];
  readonly #lost = new Set<Lane>();
  readonly #watchdog: Watchdog | null;
  /** By queue: dealt and not yet published. */
  #backlog: Pulled[][] = [];
  #outcomes: Outcome[] = [];
  #wake = () => {};
  #running = false;
  #killed = false;

  constructor(
    workload: WorkloadRef,
    { workers, deal, room = roomFor(workers), timeoutMs, heapMb }: CrewOptions,
  ) {
    this.#deal = deal;
    const { queues } = deal;
    const slots = Math.ceil(room.slots / queues);
    const slabsPerQueue = Math.ceil(room.slabs / queues);
    const control = new Control({ workers, queues, slots });
    const memory = new SharedArrayBuffer(queues * slabsPerQueue * room.slabBytes);
    const arena: Arena = { memory, slabBytes: room.slabBytes, slabsPerQueue };
    // What waits to be reported together may not be all there is room for, or the caller would wait for the workers' naps.
    const documents = Math.max(1, Math.min(flushDocuments, room.slots / (4 * workers)));
    const flush = { documents, bytes: Math.min(flushBytes, memory.byteLength / (4 * workers)) };
    this.#control = control;
    this.#bays = Array.from({ length: queues }, (_, queue) => new Bay(control, arena, queue));
    this.#abandoned = this.#bays.map(() => null);
    this.#vainDeaths = new Array<number>(workers).fill(0);
    this.#lanes = Array.from(
      { length: workers },
      (_, number) =>
        new Lane(
          {
            workload,
            control,
            arena,
            number,
            queue: number % queues,
            flush,
            heapMb: heapMb ?? heapLimitMb(workers),
          },
          {
            outcomes: (lane, outcomes) => this.#receive(lane, outcomes),
            want: (lane, slot) => this.#deliver(lane, slot),
            death: (lane, cause) => this.#bury(lane, cause),
          },
        ),
    );
    this.#watchdog = timeoutMs === undefined ? null : new Watchdog(control, this.#lanes, timeoutMs);
  }

  /** Opens all workers, or none: when one fails, the others are closed before the error is passed on. */
  async open(): Promise<void> {
    const opened = await Promise.allSettled(this.#lanes.map((lane) => lane.open()));
    const failure = opened.find((result) => result.status === 'rejected');
    if (failure === undefined) return;
    await this.close();
    throw failure.reason;
  }

  async report(): Promise<Engine[]> {
    return Promise.all(this.#lanes.map((lane) => lane.report()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /** Ends all workers. Every document that stands, and every one that is dealt from now on, has crashed. */
  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    const cause = new Error('the session was ended');
    for (const lane of this.#lanes) {
      lane.poll(); // what they had reported counts
      this.#lost.add(lane);
      lane.kill();
    }
    for (const bay of this.#bays) {
      this.#abandoned[bay.queue] = { cause };
      for (const slot of bay.slots()) this.#outcomes.push(crashed(bay.take(slot), cause));
    }
    this.#wake();
  }

  async run(documents: Documents, emit: Emit): Promise<void> {
    this.#running = true;
    this.#man();
    this.#watchdog?.begin();
    const feed = new Feed(documents, this.#deal.window, () => this.#wake());
    try {
      await this.#work(feed, emit);
    } catch (cause) {
      // `emit` has thrown. The session can be used again: what the workers have in their hands ends, and nobody is told.
      feed.stop();
      this.#backlog = this.#bays.map(() => []);
      await this.#work(new Feed([], this.#deal.window, () => {}), () => {});
      throw cause;
    } finally {
      this.#running = false;
      this.#watchdog?.end();
    }
    if (feed.failure !== null) throw feed.failure.cause;
  }

  async #work(feed: Feed, emit: Emit): Promise<void> {
    const split = this.#deal.begin();
    let turnedMs = now();
    for (;;) {
      for (const lane of this.#lanes) lane.poll();
      const slow = this.#emitAll(emit);
      if (slow !== undefined) await slow;
      const more = this.#fill(feed, split);
      if (this.#outcomes.length > 0) continue;
      if (more) {
        if (now() - turnedMs < turnMs) continue;
        await new Promise(setImmediate);
      } else {
        if (feed.ended && this.#isEmpty()) return;
        await this.#rest();
      }
      turnedMs = now();
    }
  }

  /** Emits what has been reported, in its order; a promise when an `emit` made one. */
  #emitAll(emit: Emit): Promise<void> | undefined {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    for (let i = 0; i < outcomes.length; i++) {
      const slow = emit(outcomes[i] as Outcome);
      if (slow) return emitRest(slow, outcomes.slice(i + 1), emit);
    }
    return undefined;
  }

  /** Publishes what there is room for; whether there may be more to publish at once. */
  #fill(feed: Feed, split: ReturnType<Deal['begin']>): boolean {
    if (this.#wantsMore()) {
      const pulled = feed.pull();
      if (pulled.length > 0) {
        for (const [queue, list] of split(pulled).entries())
          this.#backlog[queue] = [...(this.#backlog[queue] ?? []), ...list];
      }
    }
    let more = false;
    for (const bay of this.#bays) {
      const list = this.#backlog[bay.queue] as Pulled[];
      const published = this.#abandoned[bay.queue] ? this.#refuse(bay.queue, list) : publishSome(bay, list);
      this.#backlog[bay.queue] = list.slice(published);
      if (published > 0 && published < list.length) more = true;
      bay.announce();
    }
    return more || (this.#isDealt() && !feed.waiting && !feed.ended);
  }

  /** Something is dealt when a queue has nothing left of what was dealt before, and not too much waits for the others. */
  #wantsMore(): boolean {
    if (this.#backlog.every((list) => list.length > 0)) return false;
    const { documents, bytes } = this.#deal.window;
    let count = 0;
    let size = 0;
    for (const list of this.#backlog) {
      count += list.length;
      for (const { document } of list) size += document.size;
    }
    return count < documents && size < bytes;
  }

  /** Whether all that was dealt is published. */
  #isDealt(): boolean {
    return this.#backlog.every((list) => list.length === 0);
  }

  #isEmpty(): boolean {
    return this.#isDealt() && this.#bays.every((bay) => bay.standing === 0);
  }

  /**
   * Until something happens. When nothing is left to publish, workers report what they have as soon as they have nothing
   * to do: the next document may be long in coming.
   */
  async #rest(): Promise<void> {
    const eager = this.#isDealt();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (eager) {
      this.#control.setEager(true);
      for (const bay of this.#bays) this.#control.wake(bay.queue, this.#lanes.length);
    }
    await woken;
    if (eager) this.#control.setEager(false);
  }

  #receive(lane: Lane, { slots, values }: Outcomes): void {
    if (this.#killed) return; // they have had their outcomes
    const bay = this.#bays[lane.queue] as Bay;
    const worker = lane.workerId;
    for (let i = 0; i < slots.length; i++) {
      const mark = slots[i] as number;
      const slot = mark < 0 ? ~mark : mark;
      const startedMs = this.#control.startedMs(slot);
      const taskMs = this.#control.taskMs(slot);
      const { index, id, pulledMs } = bay.take(slot);
      const queuedMs = startedMs - pulledMs;
      this.#outcomes.push(
        mark < 0
          ? { index, id, worker, queuedMs, taskMs, status: 'failed', error: values[i] as TaskError }
          : { index, id, worker, queuedMs, taskMs, status: 'ok', value: values[i] },
      );
    }
    this.#vainDeaths[lane.number] = 0;
    this.#wake();
  }

  #deliver(lane: Lane, slot: number): void {
    if (this.#killed) return;
    lane.send(slot, (this.#bays[lane.queue] as Bay).look(slot).document as Document);
  }

  /**
   * The document in the dead worker's hands gets another worker, and has crashed when it ends that one, too. The others it had
   * claimed were finished but not reported: they are run again. Those that this befalls again, and the one that may be to
   * blame behind them, are what the lane's next worker begins with, and are reported one by one.
   */
  #bury(lane: Lane, cause: unknown): void {
    if (this.#killed) return;
    const bay = this.#bays[lane.queue] as Bay;
    const judged = this.#watchdog?.judged(lane.number) ?? null;
    const culprit = this.#control.takeCurrent(lane.number);
    const handed: number[] = [];
    for (const slot of bay.slotsOf(lane.number)) {
      const standing = bay.look(slot);
      if (slot !== culprit || judged === 'other') {
        if (++standing.deaths >= mostDeaths) handed.unshift(slot);
        else bay.again(slot);
      } else if (judged === 'timed-out')
        this.#outcomes.push(timedOut(bay.take(slot), this.#watchdog?.timeoutMs ?? 0));
      else if (++standing.crashes >= mostAttempts)
        this.#outcomes.push(crashed(bay.take(slot), cause, standing.crashes));
      else handed.push(slot);
    }
    const vain = (this.#vainDeaths[lane.number] as number) + (judged === null ? 1 : 0); // who was told to end is no sign of a storm
    this.#vainDeaths[lane.number] = vain;
    if (vain >= mostVainDeaths)
      this.#giveUp(lane, new Error(`${vain} workers in a row ended before any document was done`, { cause }));
    else if (this.#running) this.#replace(lane, handed);
    this.#control.wake(lane.queue, this.#lanes.length); // one may have been told that is dead now
    this.#wake();
  }

  /** Workers that have ended since the last run are replaced. */
  #man(): void {
    if (this.#killed) return;
    this.#backlog = this.#bays.map(() => []);
    this.#abandoned.fill(null);
    this.#vainDeaths.fill(0);
    this.#lost.clear();
    for (const lane of this.#lanes) this.#replace(lane);
  }

  #replace(lane: Lane, handed: readonly number[] = []): void {
    for (const slot of handed) this.#control.hand(slot, lane.number);
    lane.open(handed).catch((cause: unknown) => this.#giveUp(lane, cause));
  }

  /** Nobody works in this lane any longer. What only it could have done has crashed. */
  #giveUp(lane: Lane, cause: unknown): void {
    this.#lost.add(lane);
    const bay = this.#bays[lane.queue] as Bay;
    if (this.#lanes.some((other) => other.queue === lane.queue && !this.#lost.has(other))) {
      for (const slot of bay.slotsOf(lane.number)) bay.again(slot); // what its next worker would have begun with
      this.#wake();
      return;
    }
    this.#abandoned[lane.queue] = { cause };
    for (const slot of bay.slots()) this.#outcomes.push(crashed(bay.take(slot), cause));
    this.#wake();
  }

  /** Of documents dealt to a queue where nobody works: how many. */
  #refuse(queue: number, list: readonly Pulled[]): number {
    for (const { document } of list) this.#outcomes.push(crashed(document, this.#abandoned[queue]?.cause));
    return list.length;
  }
}

/** So many documents, or so many bytes, are published before sleeping workers are told and outcomes are looked for. */
const stride = { documents: 64, bytes: 2 ** 20 };

/** Publishes a stride of the documents, or what there is room for, and says how many. */
function publishSome(bay: Bay, list: readonly Pulled[]): number {
  let bytes = 0;
  let published = 0;
  while (published < list.length && published < stride.documents && bytes < stride.bytes) {
    const pulled = list[published] as Pulled;
    if (!bay.publish(pulled)) break;
    bytes += pulled.document.size;
    published++;
  }
  return published;
}

async function emitRest(slow: Promise<void>, rest: readonly Outcome[], emit: Emit): Promise<void> {
  await slow;
  for (const outcome of rest) await emit(outcome);
}
