import { withMemory } from '../../services/cache/cache-facts.js';
import { taskServices } from '../../services/task-services.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { threadHeapLimit, warnOfOverridingFlag } from '../processes/limits.js';
import type { Cancelling } from '../session/cancelling.js';
import { HiddenEnds } from '../session/hidden-ends.js';
import type { CarriedDocument, CarriedDocuments } from '../session/reference.js';
import { checkedPerWorker, guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import type { Delivery, Emit, Engine, OpenOptions, Session } from '../strategy.js';
import { Cancels } from './cancels.js';
import { ClaimTable } from './claim-table.js';
import { FeedingLoop, type QueueSplit } from './feeding-loop.js';
import { type Arena, SlabQueue } from './slab-queue.js';
import { ThreadLane } from './thread-lane.js';
import { Watchdog } from './watchdog.js';
import { WorkerDeaths } from './worker-deaths.js';

/** Says how large an arena is, over all its queues together. */
export interface ArenaSize {
  /** A document that is larger than a slab travels in a message of its own. */
  readonly slabBytes: number;
  readonly slabs: number;
  /** Maximum number of documents that are published and not yet reported. */
  readonly slots: number;
}

/**
 * The size of an arena where none is given. A slab holds a document of 500 KB. A larger arena would let the
 * caller run further ahead of the workers, but nothing is gained beyond a few milliseconds of work.
 */
const usualSize = (workers: number, perWorker: number): ArenaSize => ({
  slabBytes: 512 * 1024,
  slabs: Math.max(32, 4 * workers, Math.min(maxSlabsForWaiting, 2 * workers * perWorker)),
  slots: Math.max(2048, 64 * workers, 4 * workers * perWorker),
});
/**
 * Documents that wait occupy their slabs for long. More slabs than this are not made for them, 128 MB, which
 * become memory only where documents are that large.
 */
const maxSlabsForWaiting = 256;
/** A worker reports its outcomes when they are this many, or when their documents have this many bytes. */
const flushDocuments = 256;
const flushBytes = 512 * 1024;

export interface ArenaOptions extends Omit<OpenOptions, 'delivery'> {
  /** The session takes documents by reference when this is `reference`; absent: it does not. */
  readonly delivery?: Delivery;
  readonly split: QueueSplit;
  /** Gets the ends of workers that no outcome shows. Absent: the first one gives a warning. */
  readonly hidden?: HiddenEnds;
  /** Called when a queue has no worker any more, and gets none in this run. Absent: nothing is. */
  readonly abandoned?: (cause: Error) => void;
  readonly size?: ArenaSize;
}

export async function openArenaSession(workload: WorkloadRef, options: ArenaOptions): Promise<Session> {
  warnOfOverridingFlag();
  const session = new ArenaSession(workload, withMemory(options));
  await session.open();
  return guarded({
    callerEnd: session.callerEnd,
    takesReferences: options.delivery === 'reference',
    keepsPaths: true,
    run: (documents, emit, cancelling) => session.run(documents, emit, cancelling),
    cancel: (index) => session.cancel(index),
    setPerWorker: (perWorker) => session.setPerWorker(perWorker),
    members: async () => ({ processes: [], engines: await session.report() }),
    replaced: () => session.replaced,
    close: () => session.close(),
    kill: () => session.kill(),
  });
}

/**
 * Worker threads that share one arena and its claim table. This class opens and closes them, and connects the
 * parts:
 *
 *   feeding-loop.ts    publishes documents and emits outcomes, on the caller's thread
 *   worker-deaths.ts   decides what happens to the documents and the lane of a worker that has died
 *   cancels.ts         takes cancelled documents back, and kills workers that do not give them up
 *   thread-lane.ts     starts, kills and closes one worker thread
 *   worker.ts          claims documents and runs the task, on the worker's thread
 *   unreported.ts      keeps outcomes there until they are enough for one message
 *   protocol.ts        what a worker thread gets when it starts, and the messages
 *   claim-table.ts     the protocol between the threads: which thread writes which word, in which
 *                      order, and how workers sleep and are woken
 */
class ArenaSession {
  readonly callerEnd: CallerEnd;
  readonly #queues: readonly SlabQueue[];
  readonly #lanes: readonly ThreadLane[];
  readonly #loop: FeedingLoop;
  readonly #deaths: WorkerDeaths;
  readonly #cancels: Cancels;
  #killed = false;
  #replaced = 0;

  constructor(workload: WorkloadRef, options: ArenaOptions) {
    const { workers, split, perWorker = 1, size = usualSize(workers, perWorker) } = options;
    const { timeoutMs, channel, heapMb, hidden = new HiddenEnds(), abandoned = () => {} } = options;
    const services = taskServices(options);
    const heap = threadHeapLimit(workers, heapMb);
    const callerEnd = new CallerEnd(channel, options);
    this.callerEnd = callerEnd;
    const slots = Math.ceil(size.slots / split.queues);
    const slabsPerQueue = Math.ceil(size.slabs / split.queues);
    const table = new ClaimTable({ workers, queues: split.queues, slots });
    const memory = new SharedArrayBuffer(split.queues * slabsPerQueue * size.slabBytes);
    const arena: Arena = { memory, slabBytes: size.slabBytes, slabsPerQueue };
    // Unreported outcomes may occupy only part of the arena; else the caller would wait until the workers'
    // naps end.
    const flush = {
      documents: Math.max(1, Math.min(flushDocuments, size.slots / (4 * workers))),
      bytes: Math.min(flushBytes, memory.byteLength / (4 * workers)),
    };
    this.#queues = Array.from({ length: split.queues }, (_, queue) => new SlabQueue(table, arena, queue));
    this.#lanes = Array.from({ length: workers }, (_, number) => {
      const queue = number % split.queues;
      return new ThreadLane(
        { workload, table, arena, number, queue, flush, heap, services, timeoutMs, callerEnd },
        {
          outcomes: (lane, outcomes) => {
            if (this.#killed) return; // these documents have had their outcomes
            this.#deaths.reported(lane, outcomes);
            this.#loop.receive(lane, outcomes);
          },
          want: (lane, slot) => this.#sendOversized(lane, slot),
          retired: (lane) => {
            this.#replaced++;
            if (!this.#killed) this.#deaths.retired(lane);
          },
          death: (lane, cause) => {
            if (!this.#killed) this.#deaths.handle(lane, cause);
          },
        },
      );
    });
    const parts = { table, queues: this.#queues, lanes: this.#lanes };
    const watchdog = timeoutMs === undefined ? null : new Watchdog(parts, timeoutMs);
    this.#loop = new FeedingLoop(parts, split, checkedPerWorker(perWorker));
    this.#cancels = new Cancels(parts, this.#loop);
    const cancels = this.#cancels;
    this.#deaths = new WorkerDeaths(parts, {
      loop: this.#loop,
      watchdog,
      cancels,
      hidden,
      callerEnd,
      abandoned,
    });
  }

  /** Opens all workers, or none: when one fails, the others are closed before the error is passed on. */
  async open(): Promise<void> {
    const opened = await Promise.allSettled(this.#lanes.map((lane) => lane.open()));
    const failure = opened.find((result) => result.status === 'rejected');
    if (failure === undefined) return;
    await this.close();
    throw failure.reason;
  }

  async run(documents: CarriedDocuments, emit: Emit, cancelling: Cancelling): Promise<void> {
    this.#loop.reset();
    this.#cancels.begin(cancelling);
    this.#deaths.begin();
    try {
      await this.#loop.run(documents, emit, cancelling);
    } finally {
      this.#deaths.end();
      this.#cancels.end();
    }
  }

  /** Number of workers that were replaced near the limit of their heap. */
  get replaced(): number {
    return this.#replaced;
  }

  setPerWorker(perWorker: number): void {
    this.#loop.setPerWorker(perWorker);
  }

  cancel(index: number): void {
    if (!this.#killed) this.#cancels.cancel(index); // all documents have crashed
  }

  async report(): Promise<Engine[]> {
    return Promise.all(this.#lanes.map((lane) => lane.report()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /**
   * Ends all workers. Every document that is published, and every one that is pulled from now on, has
   * crashed.
   */
  kill(): void {
    if (this.#killed) return;
    for (const lane of this.#lanes) lane.poll(); // outcomes that have been reported count
    this.#killed = true;
    this.#deaths.end(); // no worker is replaced any more
    for (const lane of this.#lanes) lane.kill();
    const cause = new Error('the session was ended');
    for (const { queue } of this.#queues) this.#loop.abandon(queue, cause);
  }

  #sendOversized(lane: ThreadLane, slot: number): void {
    if (this.#killed) return;
    const queue = this.#queues[lane.queue] as SlabQueue;
    const { index, document } = queue.at(slot);
    const isCancelled = this.#cancels.has(index);
    if (isCancelled) this.#cancels.remove(queue, slot);
    lane.send(slot, isCancelled ? null : (document as CarriedDocument));
  }
}
